"""An OpenID provider on loopback whose responses a test can change in every detail."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.test import Client

START = "/accounts/single-sign-on/"
SECRET = "a secret of the client's that nobody else knows"
TOKEN = "an-access-token-of-the-provider"
RSA_KEY = rsa.generate_private_key(65537, 2048)
KEYS: dict[str, Any] = {
    "RS256": RSA_KEY,
    "PS256": RSA_KEY,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "HS256": SECRET,
}


@dataclass
class FakeProvider:
    """The provider's state.

    `token` and `times` (seconds from now) override claims of the ID token, `responses` replaces
    the response to a path.
    """

    url: str = ""
    algorithm: str = "ES256"
    key: Any = None  # signs instead of the published key
    kid: str | None = "one"
    published: dict[str, Any] = field(default_factory=dict)  # overrides fields of the published key
    user_info: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    responses: dict[str, tuple[int, Any]] = field(default_factory=dict)
    content_type: str = "application/json"
    compress: Callable[[bytes], bytes] | None = None  # such as gzip.compress
    requests: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    auth_time: dict[str, int] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)  # of each code

    def identify(self, sub: str, **more: Any) -> None:
        """Make it identify this user, with a verified email address."""
        email = {"email": f"{sub}@example.org", "email_verified": True}
        self.user_info = {"sub": sub, **email, **more}

    def callback_url(self, start: Any) -> str:
        """Return the URL that it redirects to after an authorization request."""
        query = parse_qs(urlsplit(start["Location"]).query)
        self.auth_time = {"auth_time": int(time.time())} if "max_age" in query else {}
        code = f"the-code.{query['nonce'][0]}"
        self.subjects[code] = self.user_info["sub"]
        return f"{START}callback/?code={code}&state={query['state'][0]}"

    def sign_on(self, client: Client, **query: str) -> Any:
        """Sign on in this browser and return the last response."""
        return client.get(self.callback_url(client.get(START, query)))

    def response_for(self, path: str, code: str = "") -> tuple[int, Any]:
        """Return status and body of the response to a path."""
        if path in self.responses:
            return self.responses[path]
        address = {name: f"{self.url}/{name}" for name in ("authorize", "token", "keys", "me")}
        return 200, {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": address["authorize"],
                "token_endpoint": address["token"],
                "jwks_uri": address["keys"],
                "userinfo_endpoint": address["me"],
            },
            "/token": {"access_token": TOKEN, "id_token": self._id_token(code)},
            "/keys": {"keys": [{"kty": "later than us"}, "no key", self._published()]},
            "/me": self.user_info,
        }[path]

    def _id_token(self, code: str) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "console", "exp": now + 300, "iat": now}
        claims |= {"sub": self.subjects.get(code), "nonce": code.partition(".")[2]}
        claims |= self.auth_time | self.token
        claims |= {name: now + seconds for name, seconds in self.times.items()}
        present = {name: value for name, value in claims.items() if value is not None}
        key = None if self.algorithm == "none" else self.key or KEYS[self.algorithm]
        return jwt.encode(present, key, self.algorithm, {"kid": self.kid} if self.kid else None)

    def _published(self) -> dict[str, Any]:
        if self.algorithm in {"HS256", "none"}:
            return {}
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        key: dict[str, Any] = algorithm.to_jwk(KEYS[self.algorithm].public_key(), as_dict=True)
        return key | {"kid": self.kid, "use": "sig"} | self.published


class Server(ThreadingHTTPServer):
    """An HTTP server for a fake provider."""

    provider: FakeProvider

    def serve(self, provider: FakeProvider) -> None:
        """Serve in a thread."""
        self.provider = provider
        provider.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """A request to the fake provider."""

    server: Server

    def do_GET(self) -> None:
        """Respond."""
        got = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = parse_qs(got.decode())
        self.server.provider.requests.append((self.path, form))
        status, body = self.server.provider.response_for(self.path, "".join(form.get("code", [])))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.server.provider.url}/elsewhere")
        if self.server.provider.content_type:
            self.send_header("Content-Type", self.server.provider.content_type)
        compress = self.server.provider.compress
        if compress:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        sent = (body if isinstance(body, str) else json.dumps(body)).encode()
        with suppress(BrokenPipeError, ConnectionResetError):  # the console closed the connection
            self.wfile.write(compress(sent) if compress else sent)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
