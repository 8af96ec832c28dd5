"""An OpenID provider on loopback that says whatever a test wants it to."""

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
class Forger:
    """The provider. `token` goes over what it says of itself, and `times` (seconds from when it
    says so); `answers` are by path.
    """

    url: str = ""
    algorithm: str = "ES256"
    key: Any = None  # what signs, where that is not the key it publishes
    kid: str | None = "one"
    published: dict[str, Any] = field(default_factory=dict)  # over the published key's fields
    person: dict[str, Any] = field(default_factory=dict)  # what the user information says
    token: dict[str, Any] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    kind: str = "application/json"  # what it calls its answers
    pack: Callable[[bytes], bytes] | None = None  # what packs the answers, such as gzip.compress
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    auth_time: dict[str, int] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)  # of each code

    def says(self, sub: str, **more: Any) -> None:
        """Let it say of somebody what providers say."""
        email = {"email": f"{sub}@example.org", "email_verified": True}
        self.person = {"sub": sub, **email, **more}

    def leads_back(self, start: Any) -> str:
        """Return where it leads to from what the console asked."""
        query = parse_qs(urlsplit(start["Location"]).query)
        self.auth_time = {"auth_time": int(time.time())} if "max_age" in query else {}
        code = f"the-code.{query['nonce'][0]}"
        self.subjects[code] = self.person["sub"]
        return f"{START}callback/?code={code}&state={query['state'][0]}"

    def sign_on(self, client: Client, **query: str) -> Any:
        """Go the whole way."""
        return client.get(self.leads_back(client.get(START, query)))

    def said_at(self, path: str, code: str = "") -> tuple[int, Any]:
        """Return status and body of an answer."""
        if path in self.answers:
            return self.answers[path]
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
            "/me": self.person,
        }[path]

    def _id_token(self, code: str) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "console", "exp": now + 300, "iat": now}
        claims |= {"sub": self.subjects.get(code), "nonce": code.partition(".")[2]}
        claims |= self.auth_time | self.token
        claims |= {name: now + seconds for name, seconds in self.times.items()}
        said = {name: value for name, value in claims.items() if value is not None}
        key = None if self.algorithm == "none" else self.key or KEYS[self.algorithm]
        return jwt.encode(said, key, self.algorithm, {"kid": self.kid} if self.kid else None)

    def _published(self) -> dict[str, Any]:
        if self.algorithm in {"HS256", "none"}:
            return {}
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        key: dict[str, Any] = algorithm.to_jwk(KEYS[self.algorithm].public_key(), as_dict=True)
        return key | {"kid": self.kid, "use": "sig"} | self.published


class Server(ThreadingHTTPServer):
    """Serves what `forger` says."""

    forger: Forger

    def serve(self, forger: Forger) -> None:
        """Begin."""
        self.forger = forger
        forger.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        got = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = parse_qs(got.decode())
        self.server.forger.asked.append((self.path, form))
        status, body = self.server.forger.said_at(self.path, "".join(form.get("code", [])))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.server.forger.url}/elsewhere")
        if self.server.forger.kind:
            self.send_header("Content-Type", self.server.forger.kind)
        pack = self.server.forger.pack
        if pack:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        sent = (body if isinstance(body, str) else json.dumps(body)).encode()
        with suppress(BrokenPipeError, ConnectionResetError):  # the console has hung up
            self.wfile.write(pack(sent) if pack else sent)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
