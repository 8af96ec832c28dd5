"""Requests to the OpenID provider, and verification of its responses.

Every response must be a JSON object, sent over TLS by the address that was asked. ID tokens are
checked as OpenID Connect Core 3.1.3.7 requires. Their signature is verified although TLS would be
enough, because a company's proxy may intercept TLS.
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

TIMEOUTS = (3, 5)  # seconds: to connect, and between two bytes
BODY_TIMEOUT = 10  # seconds for a whole body
MAX_BODY_BYTES = 1_000_000  # decompressed
CLOCK_SKEW_SECONDS = 60
ASYMMETRIC = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
SYMMETRIC = ("HS256", "HS384", "HS512")
REQUIRED_CLAIMS = ("iss", "sub", "aud", "exp", "iat")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
KEPT_CLAIMS = ("sub", "iss", "nonce", "email", "email_verified", "xms_edov", "auth_time")
_MAX_SUBJECT_LENGTH: int = SocialAccount._meta.get_field("uid").max_length or 0


class InvalidProviderResponse(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """A response that can't be trusted. The message is for the log and contains no secret."""


class ProviderUnavailable(InvalidProviderResponse):
    """The provider did not respond, or asked to try again later."""


class ProviderSession(requests.Session):
    """Requests JSON objects. Follows no redirect: a request may contain our client secret."""

    def request(  # type: ignore[override]  # allauth passes keyword arguments
        self, method: str, url: str, **more: Any
    ) -> requests.Response:
        """Send a request and return the response.

        Raises InvalidProviderResponse if it is not a JSON object with status 200.
        """
        if not _is_allowed_url(url):
            raise InvalidProviderResponse(f"“{url}” does not begin with https://")
        options = more | {"allow_redirects": False, "timeout": TIMEOUTS, "stream": True}
        try:
            response = super().request(method, url, **options)
            response.raw = BytesIO(_body(response))
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            raise ProviderUnavailable(f"{url}: {type(error).__name__}") from error
        _check(response)
        # allauth parses by content type, which some providers get wrong
        response.headers["Content-Type"] = "application/json"
        return response


def _is_allowed_url(url: object) -> bool:
    """Return True for https URLs, and for http URLs if the issuer itself is on this machine."""
    local = settings.OIDC_ISSUER.startswith("http:")
    return is_safe_url(url) and (local or str(url).lower().startswith("https:"))


def _body(response: requests.Response) -> bytes:
    """Return the body. TIMEOUTS alone would wait forever for one that arrives byte by byte."""
    body, deadline = b"", time.monotonic() + BODY_TIMEOUT
    with closing(response.raw) as raw:
        while part := raw.read1(65_536, decode_content=True):
            body += part
            if len(body) > MAX_BODY_BYTES:
                raise InvalidProviderResponse(
                    f"{response.url} returned more than {MAX_BODY_BYTES} bytes"
                )
            if time.monotonic() > deadline:
                raise ProviderUnavailable(f"{response.url} took longer than {BODY_TIMEOUT} seconds")
    return body


def _check(response: requests.Response) -> None:
    try:
        data = response.json()
    except (ValueError, RecursionError):  # RecursionError: deeply nested JSON
        data = None
    if response.status_code == requests.codes.ok and isinstance(data, dict):
        return
    code = data.get("error", "") if isinstance(data, dict) else "no JSON object"
    status = response.status_code
    reason = f"{response.url} answered {status} {str(code)[:100]}".strip()
    if status >= 500 or status == requests.codes.too_many_requests:
        raise ProviderUnavailable(reason)
    raise InvalidProviderResponse(reason)


class AuthorizationClient(OAuth2Client):  # type: ignore[misc]  # allauth has no types
    """Redirects browsers to the provider. Its URL may have a query of its own (RFC 6749, 3.1)."""

    def get_redirect_url(self, authorization_url: str, scope: Any, extra_params: Any) -> str:
        """Return the URL to redirect to. allauth would add a second question mark."""
        url: str = super().get_redirect_url(authorization_url, scope, extra_params)
        address, _, query = url.rpartition("?")
        return f"{address}{'&' if '?' in address else '?'}{query}"


class OpenIdAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """allauth's OpenID Connect flow, plus the checks it leaves out."""

    client_class = AuthorizationClient

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's discovery document. It is fetched once per request."""
        document = _get_json(self.get_provider().server_url)
        if str(document.get("issuer")).rstrip("/") != settings.OIDC_ISSUER:
            issuer = str(document.get("issuer"))[:200]
            raise InvalidProviderResponse(
                f"the provider's document names another issuer, “{issuer}”"
            )
        for name in ENDPOINTS:
            if not _is_allowed_url(document.get(name)):
                raise InvalidProviderResponse(
                    f"the provider's document has no {name} that begins with https://"
                )
        return document

    @property
    def basic_auth(self) -> bool:
        """Return True to send our secret in a header, the default of OpenID Connect Discovery 3."""
        methods = self.openid_config.get("token_endpoint_auth_methods_supported")
        return not (isinstance(methods, list) and "client_secret_post" in methods)

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return the URL that the provider redirects back to."""
        scheme = settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL
        return f"{scheme}://{request.get_host()}{reverse('openid_connect_callback')}"

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return the access token. It is not stored."""
        token = str(data["access_token"])
        if not (token.isascii() and token.isprintable()):
            raise InvalidProviderResponse("the access token contains non-ASCII characters")
        return SocialToken(token=token)

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return the verified identity: claims of the ID token and of the user info endpoint."""
        claims = self._verified_claims(app, kwargs["response"].get("id_token"))
        subject = claims["sub"]
        plain = subject.isascii() and subject.isprintable()
        if not (plain and 0 < len(subject) <= _MAX_SUBJECT_LENGTH):
            raise InvalidProviderResponse(
                f"the subject is not 1 to {_MAX_SUBJECT_LENGTH} ASCII characters"
            )
        data = {"id_token": kept_claims(claims)}
        if url := self.openid_config.get("userinfo_endpoint"):
            user_info = _get_json(url, headers={"Authorization": f"Bearer {token.token}"})
            if user_info.get("sub") != subject:  # OpenID Connect Core 5.3.2
                raise InvalidProviderResponse(
                    "the user information is for another subject than the ID token"
                )
            data["userinfo"] = kept_claims(user_info)
        return self.get_provider().sociallogin_from_response(request, data)

    def _verified_claims(self, app: Any, value: object) -> dict[str, Any]:
        token = str(value or "")
        if not token.isascii():
            raise InvalidProviderResponse("the ID token contains non-ASCII characters")
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._verification_key(app, header),
                algorithms=[header["alg"]],  # one of ours: _verification_key refuses others
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": list(REQUIRED_CLAIMS), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise InvalidProviderResponse(f"the ID token: {error}") from error
        if claims.get("azp", app.client_id) != app.client_id:
            raise InvalidProviderResponse("the ID token was issued to another client")
        return claims

    def _verification_key(self, app: Any, header: dict[str, Any]) -> Any:
        """Return the key for a token with this header: our secret, or a key of the provider's.

        Keys are fetched for each sign-in, so that a new one works as soon as it is used.
        """
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm in SYMMETRIC:
            return str(app.secret)
        if algorithm not in ASYMMETRIC:
            raise InvalidProviderResponse(f"the ID token is signed by {str(algorithm)[:20]}")
        published = _get_json(self.openid_config["jwks_uri"]).get("keys")
        candidates = published if isinstance(published, list) else []
        try:
            keys = jwt.PyJWKSet([key for key in candidates if _may_verify(key, algorithm)])
            # The bare key: PyJWK assumes RS256 for an RSA key without "alg", which may sign PS256
            return (keys.keys[0] if key_id is None else keys[key_id]).key
        except (jwt.PyJWKSetError, KeyError):
            raise InvalidProviderResponse(
                "the ID token is signed with a key that the provider does not publish"
            ) from None


def _get_json(url: str, **options: Any) -> dict[str, Any]:
    with ProviderSession() as session:
        data: dict[str, Any] = session.get(url, **options).json()
    return data


def _may_verify(key: object, algorithm: str) -> bool:
    """Return True if a published key is meant for this algorithm."""
    return (
        isinstance(key, dict)
        and key.get("kty") in {"R": "RSA", "P": "RSA", "E": "EC OKP"}[algorithm[0]].split()
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )


def kept_claims(claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims we need, without values that a database can't store."""
    named = {name: claims[name] for name in KEPT_CLAIMS if name in claims}
    claim = claims.get(settings.OIDC_GROUPS_CLAIM)
    names = claim if isinstance(claim, list) else [claim]
    groups = [name for name in names if isinstance(name, str) and name.isprintable()]
    return {name: value for name, value in named.items() if _is_storable(value)} | (
        {settings.OIDC_GROUPS_CLAIM: groups} if groups else {}
    )


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return value.isprintable()
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


class Provider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """allauth's OpenID Connect provider with our adapter."""

    oauth2_adapter_class = OpenIdAdapter

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return nothing: provisioning reads the email address itself."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Return nothing: an account has one address, its own."""
        return []
