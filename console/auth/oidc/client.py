"""What the console asks the OpenID provider, and what of the answers it believes.

Each is a JSON object, over TLS, from the very address that was asked. Of the ID token counts what
OpenID Connect Core 3.1.3.7 asks for. Its signature is checked too, though TLS would do: a company's
proxy may open that. What is believed is cut down to what the console needs.
"""

import math
import time
from contextlib import closing
from functools import cached_property
from io import BytesIO
from typing import Any

import jwt
import requests
from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from urllib3.exceptions import HTTPError

from console.lib.oidc_config import is_safe_url

PATIENCE = (3, 5)  # seconds, to connect and between two bytes
WHOLE_PATIENCE = 10  # seconds, for a body, however slowly it drips
LARGEST = 1_000_000  # bytes of a body, unpacked
CLOCKS_DIFFER = 60  # seconds
BY_KEY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
BY_SECRET = ("HS256", "HS384", "HS512")
NEEDED = ("iss", "sub", "aud", "exp", "iat")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
KEPT = ("sub", "iss", "nonce", "email", "email_verified", "xms_edov", "auth_time")
_LONGEST_SUBJECT: int = SocialAccount._meta.get_field("uid").max_length or 0


class NotBelieved(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """Why an answer of the provider's does not count: words for the log, with nothing secret."""


class Unreachable(NotBelieved):
    """There was no answer, or one that tells to come again."""


class Asking(requests.Session):
    """Asks for JSON objects; follows nobody elsewhere, for what is sent may hold our secret."""

    def request(  # type: ignore[override]  # allauth gives what it gives by name
        self, method: str, url: str, **more: Any
    ) -> requests.Response:
        """Ask. Raises NotBelieved for any other answer, Unreachable where there is none."""
        if not _may_be_asked(url):
            raise NotBelieved(f"“{url}” does not begin with https://")
        how = more | {"allow_redirects": False, "timeout": PATIENCE, "stream": True}
        try:
            answer = super().request(method, url, **how)
            answer.raw = BytesIO(_body(answer))
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            raise Unreachable(f"{url}: {type(error).__name__}") from error
        _check(answer)
        answer.headers["Content-Type"] = "application/json"  # it is, and allauth reads by its name
        return answer


def _may_be_asked(url: object) -> bool:
    """Say whether to ask there: on this machine none but a provider that is on it itself."""
    local = settings.OIDC_ISSUER.startswith("http:")
    return is_safe_url(url) and (local or str(url).lower().startswith("https:"))


def _body(answer: requests.Response) -> bytes:
    """Return the body; PATIENCE alone would wait for ever for one that drips, or never ends."""
    body, until = b"", time.monotonic() + WHOLE_PATIENCE
    with closing(answer.raw) as raw:
        while part := raw.read1(65_536, decode_content=True):
            body += part
            if len(body) > LARGEST:
                raise NotBelieved(f"{answer.url} answered more than {LARGEST} bytes")
            if time.monotonic() > until:
                raise Unreachable(f"{answer.url} took longer than {WHOLE_PATIENCE} seconds")
    return body


def _check(answer: requests.Response) -> None:
    try:
        told = answer.json()
    except (ValueError, RecursionError):  # no JSON, or such as nobody writes
        told = None
    if answer.status_code == requests.codes.ok and isinstance(told, dict):
        return
    code = told.get("error", "") if isinstance(told, dict) else "no JSON object"
    later = answer.status_code >= 500 or answer.status_code == requests.codes.too_many_requests
    why = f"{answer.url} answered {answer.status_code} {str(code)[:100]}".strip()
    raise Unreachable(why) if later else NotBelieved(why)


class Leading(OAuth2Client):  # type: ignore[misc]  # allauth has no types
    """Leads browsers to the provider, whose address may have a query of its own (RFC 6749, 3.1)."""

    def get_redirect_url(self, authorization_url: str, scope: Any, extra_params: Any) -> str:
        """Return where to; allauth puts a second question mark behind the first."""
        url: str = super().get_redirect_url(authorization_url, scope, extra_params)
        address, _, query = url.rpartition("?")
        return f"{address}{'&' if '?' in address else '?'}{query}"


class OpenId(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """allauth's way through the protocol, with the checks that it leaves out."""

    client_class = Leading

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's own document, once a request."""
        told = _ask(self.get_provider().server_url)
        if str(told.get("issuer")).rstrip("/") != settings.OIDC_ISSUER:
            issuer = str(told.get("issuer"))[:200]
            raise NotBelieved(f"the provider's document is of the issuer “{issuer}”")
        for name in ENDPOINTS:
            if not _may_be_asked(told.get(name)):
                raise NotBelieved(
                    f"the provider's document has no {name} that begins with https://"
                )
        return told

    @property
    def basic_auth(self) -> bool:
        """Say how our secret is sent (OpenID Connect Discovery 3, and its default)."""
        ways = self.openid_config.get("token_endpoint_auth_methods_supported")
        return not (isinstance(ways, list) and "client_secret_post" in ways)

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return where the provider leads back to."""
        scheme = settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL
        return f"{scheme}://{request.get_host()}{reverse('openid_connect_callback')}"

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return the access token, which nobody keeps."""
        token = str(data["access_token"])
        if not (token.isascii() and token.isprintable()):
            raise NotBelieved("the access token is not of ASCII letters")
        return SocialToken(token=token)

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return who it is: what the ID token says, and the user information beside it."""
        told = self._id_token(app, kwargs["response"].get("id_token"))
        subject = told["sub"]
        plain = subject.isascii() and subject.isprintable()
        if not (plain and 0 < len(subject) <= _LONGEST_SUBJECT):
            raise NotBelieved(f"the subject is not 1 to {_LONGEST_SUBJECT} letters of ASCII")
        data = {"id_token": kept(told)}
        if address := self.openid_config.get("userinfo_endpoint"):
            more = _ask(address, headers={"Authorization": f"Bearer {token.token}"})
            if more.get("sub") != subject:  # OpenID Connect Core 5.3.2
                raise NotBelieved("the user information is of another subject than the ID token")
            data["userinfo"] = kept(more)
        return self.get_provider().sociallogin_from_response(request, data)

    def _id_token(self, app: Any, answer: object) -> dict[str, Any]:
        token = str(answer or "")
        if not token.isascii():
            raise NotBelieved("the ID token is not of ASCII letters")
        try:
            told: dict[str, Any] = jwt.decode(
                token,
                self._key(app, token),
                algorithms=[*BY_KEY, *BY_SECRET],
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=CLOCKS_DIFFER,
                options={"require": list(NEEDED), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise NotBelieved(f"the ID token: {error}") from error
        if told.get("azp", app.client_id) != app.client_id:
            raise NotBelieved("the ID token was issued to another client")
        return told

    def _key(self, app: Any, token: str) -> jwt.PyJWK | str:
        """Return what the token has to be signed with; a new key is there as soon as it is used."""
        header = jwt.get_unverified_header(token)
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm in BY_SECRET:
            return str(app.secret)
        if algorithm not in BY_KEY:
            raise NotBelieved(f"the ID token is signed by {str(algorithm)[:20]}")
        keys = _ask(self.openid_config["jwks_uri"]).get("keys")
        for key in keys if isinstance(keys, list) else []:
            if _fits(key, algorithm) and (name is None or key.get("kid") == name):
                return jwt.PyJWK(key, algorithm)
        raise NotBelieved("the ID token is signed with a key that the provider does not publish")


def _ask(url: str, **more: Any) -> dict[str, Any]:
    with Asking() as session:
        told: dict[str, Any] = session.get(url, **more).json()
    return told


def _fits(key: object, algorithm: str) -> bool:
    """Say whether a published key is for signatures of this algorithm."""
    return (
        isinstance(key, dict)
        and key.get("kty") in {"R": "RSA", "P": "RSA", "E": "EC OKP"}[algorithm[0]].split()
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )


def kept(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the console needs of what was told, without what no database takes."""
    named = {name: told[name] for name in KEPT if name in told}
    claim = told.get(settings.OIDC_GROUPS_CLAIM)
    names = claim if isinstance(claim, list) else [claim]
    groups = [name for name in names if isinstance(name, str) and name.isprintable()]
    return {name: value for name, value in named.items() if _is_plain(value)} | (
        {settings.OIDC_GROUPS_CLAIM: groups} if groups else {}
    )


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return value.isprintable()
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


class Provider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """The provider, asked in our way."""

    oauth2_adapter_class = OpenId

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return nothing: the console reads the email itself, and keeps nothing else."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Return none: an account has one address, its own."""
        return []
