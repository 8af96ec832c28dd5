"""Which responses of an OpenID provider are accepted, and what rejected ones lead to."""

import gzip
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from console.auth.oidc import client as oidc_client
from console.models import User
from console.pages.account import single_sign_on as sso
from tests.console.auth.conftest import post, recorded
from tests.console.auth.single_sign_on.fake_provider import SECRET, START, TOKEN, FakeProvider
from tests.console.auth.test_second_factor import CODE, set_up
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db

DOCUMENT = "/.well-known/openid-configuration"


@pytest.fixture(autouse=True)
def bob(world: World, provider: FakeProvider) -> User:
    """Return bob, whom the provider identifies."""
    provider.identify("bob")
    return world.person("bob")


def is_signed_in(client: Client) -> bool:
    """Return True if the browser is signed in."""
    return client.get("/").status_code == 200


def logged_reason(caplog: pytest.LogCaptureFixture) -> str:
    """Return the logged reason of a failure."""
    entries = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    [reason] = [line["reason"] for line in entries if line["event"] == "single_sign_on_failed"]
    return str(reason)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "HS256"])
def test_it_works(provider: FakeProvider, client: Client, bob: User, algorithm: str) -> None:
    provider.algorithm = algorithm
    assert provider.sign_on(client, next="/apps/d1shop/")["Location"] == "/apps/d1shop/"
    assert client.get("/").context["user"] == bob
    paths = [path for path, _ in provider.requests]
    assert paths.count(DOCUMENT) == 2  # at the authorization request, and at the callback


def test_new_key_is_fetched(provider: FakeProvider, client: Client) -> None:
    provider.sign_on(Client())
    provider.algorithm, provider.kid = "RS256", "two"
    provider.sign_on(client)
    assert is_signed_in(client)


def test_single_key_needs_no_kid(provider: FakeProvider, client: Client) -> None:
    provider.kid = None
    provider.sign_on(client)
    assert is_signed_in(client)


@pytest.mark.parametrize("times", [{"iat": 30, "nbf": 30}, {"exp": -30}])
def test_clock_skew(provider: FakeProvider, client: Client, times: dict[str, int]) -> None:
    provider.times = times
    provider.sign_on(client)
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("times", "reason"), [({"exp": -400}, "expired"), ({"iat": 400}, "not yet")]
)
def test_clock_skew_limit(
    provider: FakeProvider,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    times: dict[str, int],
    reason: str,
) -> None:
    provider.times = times
    assert provider.sign_on(client).status_code == 403
    assert reason in logged_reason(caplog)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ({"aud": "another"}, "Audience doesn't match"),
        ({"aud": ["console", "another"], "azp": "another"}, "issued to another client"),
        ({"iss": "https://evil.example"}, "Invalid issuer"),
        ({"exp": None}, "exp"),
        ({"nonce": "of another sign-in"}, "issued for another sign-in"),
        ({"nonce": None}, "issued for another sign-in"),
        ({"sub": "mia"}, "another subject"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "Subject"),
        ({"sub": "x" * 192}, "191 ASCII"),
        ({"sub": "bob\0"}, "191 ASCII"),
        ({"sub": ""}, "191 ASCII"),
        ({"iat": float("inf")}, "iat"),
    ],
)
def test_invalid_claims(
    provider: FakeProvider, client: Client, caplog: Any, token: dict[str, Any], reason: str
) -> None:
    provider.token = token
    response = provider.sign_on(client)
    assert response.status_code == 403
    assert "Sign-in failed." in response.text
    assert reason in logged_reason(caplog)
    assert not is_signed_in(client)
    assert recorded("session.sign_in") == [
        ("Someone not signed in", "by single sign-on", ["denied"])
    ]


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "Signature verification failed"),
        ({"algorithm": "none"}, "signed by none"),
        ({"algorithm": "HS256", "key": "x" * 32}, "Signature verification failed"),
        ({"published": {"kid": "two"}}, "does not publish"),
        ({"published": {"use": "enc"}}, "does not publish"),
        ({"published": {"alg": "ES512"}}, "does not publish"),
        ({"published": {"x": "?"}}, "the ID token"),
        ({"algorithm": "RS256", "published": {"n": "w" * 171}}, "below the minimum"),
    ],
)
def test_invalid_signature(
    provider: FakeProvider, client: Client, caplog: Any, forged: dict[str, Any], reason: str
) -> None:
    for name, value in forged.items():
        setattr(provider, name, value)
    assert provider.sign_on(client).status_code == 403
    assert reason in logged_reason(caplog)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "null", "{}", '{"keys": 7, "sub": 7}', "[" * 9999, "1" * 9999]
)
@pytest.mark.parametrize("path", ["/token", "/me", "/keys"])
def test_invalid_token_response(
    provider: FakeProvider, client: Client, path: str, body: str
) -> None:
    provider.responses[path] = (200, body)
    assert provider.sign_on(client).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize("token", ["", None, 7, "abc", "a.b.c", {"a": 1}, "\ud800"], ids=ascii)
def test_malformed_token(provider: FakeProvider, client: Client, token: object) -> None:
    provider.responses["/token"] = (
        200,
        {"access_token": TOKEN, "id_token": token, "expires_in": "x"},
    )
    assert provider.sign_on(client).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://login.example.org/token"},
        {"jwks_uri": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://["},
    ],
)
def test_invalid_endpoints(provider: FakeProvider, client: Client, wrong: dict[str, Any]) -> None:
    _, document = provider.response_for(DOCUMENT)
    provider.responses[DOCUMENT] = (200, document | wrong)
    response = client.get(START)
    assert response.status_code == 403
    assert "Sign-in failed." in response.text


def test_remote_provider_cannot_name_local_endpoints(
    provider: FakeProvider, client: Client, settings: Any
) -> None:
    """Local services often trust every client on the machine."""
    settings.OIDC_ISSUER = "https://login.example.org"
    assert client.get(START).status_code == 403
    assert provider.requests == []


@pytest.mark.parametrize("ways", [None, 7, {}, "client_secret_post"])
def test_invalid_urls(provider: FakeProvider, client: Client, ways: object) -> None:
    _, document = provider.response_for(DOCUMENT)
    strange = {"token_endpoint_auth_methods_supported": ways}
    provider.responses[DOCUMENT] = (200, document | strange)
    provider.sign_on(client)
    assert is_signed_in(client)


@pytest.mark.parametrize("token", ["\N{SNOWMAN}", "a\r\nX-More: b"])
def test_access_token_with_control_characters(
    provider: FakeProvider, client: Client, caplog: Any, token: str
) -> None:
    there = provider.callback_url(client.get(START))
    _, response = provider.response_for("/token", there.partition("code=")[2].partition("&")[0])
    provider.responses["/token"] = (200, response | {"access_token": token})
    assert client.get(there).status_code == 403
    assert logged_reason(caplog) == "the access token contains non-ASCII characters"


def test_endpoint_with_a_query(provider: FakeProvider, client: Client) -> None:
    """Microsoft Entra external tenants have a query in their endpoints."""
    _, document = provider.response_for(DOCUMENT)
    address = {"authorization_endpoint": f"{provider.url}/authorize?p=sign_in"}
    provider.responses[DOCUMENT] = (200, document | address)
    asked = urlsplit(client.get(START, {"next": "/apps/?a=b"})["Location"])
    assert asked.path == "/authorize"
    assert parse_qs(asked.query)["p"] == ["sign_in"]
    assert parse_qs(asked.query)["client_id"] == ["console"]


@pytest.mark.parametrize("pack", [None, gzip.compress])
def test_endless_response(
    provider: FakeProvider, client: Client, caplog: Any, pack: Callable[[bytes], bytes] | None
) -> None:
    provider.compress, provider.responses[DOCUMENT] = pack, (200, " " * 20_000_000)
    assert client.get(START).status_code == 403
    assert logged_reason(caplog) == f"{provider.url}{DOCUMENT} returned more than 1000000 bytes"


def test_compressed_response(provider: FakeProvider, client: Client) -> None:
    provider.compress = gzip.compress
    provider.sign_on(client)
    assert is_signed_in(client)


def test_wrong_content_encoding(provider: FakeProvider, client: Client) -> None:
    provider.compress = lambda sent: sent
    assert client.get(START).status_code == 503


@pytest.mark.parametrize("kind", ["", "text/html"])
def test_json_without_content_type(provider: FakeProvider, client: Client, kind: str) -> None:
    provider.content_type = kind
    provider.sign_on(client)
    assert is_signed_in(client)


def test_slow_response(
    provider: FakeProvider, client: Client, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte every four seconds never exceeds the read timeout."""
    monkeypatch.setattr(oidc_client, "BODY_TIMEOUT", -1)
    assert client.get(START).status_code == 503
    assert "took longer" in logged_reason(caplog)


@pytest.mark.parametrize("body", ["<html>", "[]", "null", "{}"])
def test_invalid_discovery_document(provider: FakeProvider, client: Client, body: str) -> None:
    provider.responses[DOCUMENT] = (200, body)
    assert client.get(START).status_code == 403


@pytest.mark.parametrize("path", [DOCUMENT, "/token", "/me", "/keys"])
def test_provider_error(provider: FakeProvider, client: Client, caplog: Any, path: str) -> None:
    there = provider.callback_url(client.get(START))
    provider.responses[path] = (500, {"error": "server_error"})
    response = client.get(there)
    assert response.status_code == 503
    assert "be reached. Try again in a minute." in response.text
    assert logged_reason(caplog) == f"{provider.url}{path} answered 500 server_error"


def test_redirects_are_not_followed(provider: FakeProvider, client: Client, caplog: Any) -> None:
    provider.responses["/token"] = (307, {})
    assert provider.sign_on(client).status_code == 403
    assert "/elsewhere" not in [path for path, _ in provider.requests]
    assert "answered 307" in logged_reason(caplog)


def test_wrong_client_secret_is_logged(provider: FakeProvider, client: Client, caplog: Any) -> None:
    provider.responses["/token"] = (401, {"error": "invalid_client"})
    assert provider.sign_on(client).status_code == 403
    assert logged_reason(caplog) == f"{provider.url}/token answered 401 invalid_client"


def test_client_authentication_method(provider: FakeProvider, client: Client) -> None:
    """The default is HTTP Basic (OpenID Connect Discovery 1.0, section 3)."""
    provider.sign_on(client)
    _, document = provider.response_for(DOCUMENT)
    ways = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider.responses[DOCUMENT] = (200, document | ways)
    provider.sign_on(Client())
    first, second = (sent for path, sent in provider.requests if path == "/token")
    assert "client_secret" not in first
    assert second["client_secret"] == [SECRET]
    assert len(first["code_verifier"][0]) >= 43


def test_callback_of_another_issuer(provider: FakeProvider, client: Client, caplog: Any) -> None:
    there = provider.callback_url(client.get(START))
    assert client.get(f"{there}&iss=https%3A%2F%2Fevil.example").status_code == 403
    assert logged_reason(caplog) == "the answer is of another issuer"
    assert client.get(f"{there}&iss={provider.url}").status_code == 302


def test_link_cannot_add_parameters(provider: FakeProvider, client: Client) -> None:
    wanted = "redirect_uri=https://evil.example&client_id=x&response_type=token&login_hint=x"
    asked = client.get(START, {"auth_params": wanted, "scope": "offline_access"})["Location"]
    for word in ("evil", "client_id=x", "response_type=token", "login_hint", "offline_access"):
        assert word not in asked


def test_no_token_is_stored(provider: FakeProvider, client: Client, caplog: Any) -> None:
    """Not even while a second factor is pending and the session holds the login."""
    browser = Client()
    post(browser, "bob@example.org")
    set_up(browser)
    provider.user_info |= {"name": "Bob", "picture": "https://example.org/bob.png"}
    assert provider.sign_on(client)["Location"] == CODE
    kept = str(dict(client.session.items())) + str(SocialAccount.objects.values())
    assert "bob@example.org" in kept
    log = caplog.text
    assert "callback/?[redacted]" in log
    verifier = next(sent for path, sent in provider.requests if path == "/token")["code_verifier"][
        0
    ]
    for word in (TOKEN, "the-code", SECRET, verifier):
        assert word not in kept
        assert word not in log
    assert "bob.png" not in kept


def test_hanging_provider_leaves_threads_for_others(
    provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sso, "SLOT_PATIENCE", 0)
    taken = 0
    while sso.SLOTS.acquire(blocking=False):
        taken += 1
    try:
        response = client.get(START)
        assert response.status_code == 503
        assert "Too many people are signing in" in response.text
        assert client.get("/accounts/login/").status_code == 200
    finally:
        sso.SLOTS.release(taken)
    assert client.get(START).status_code == 302
    assert taken == 4


def test_rate_limit(
    provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sso, "RATE", "2/60s/ip")
    there = provider.callback_url(client.get(START))
    assert client.get(f"{START}callback/").status_code == 403
    asked = len(provider.requests)
    for url in (START, there):
        response = client.get(url)
        assert response.status_code == 429
        assert response["Retry-After"] == "60"
    assert len(provider.requests) == asked
    provider.sign_on(Client(REMOTE_ADDR="203.0.113.9"))


def test_anonymous_failures_are_recorded_at_a_limited_rate(
    provider: FakeProvider, client: Client
) -> None:
    for _ in range(3):
        assert client.get(f"{START}callback/?code=x&state=y").status_code == 403
    other = Client(REMOTE_ADDR="203.0.113.9")
    other.get(f"{START}callback/?code=x&state=y")
    assert (
        recorded("session.sign_in")
        == [("Someone not signed in", "by single sign-on", ["denied"])] * 2
    )
