"""What the console believes of what an OpenID provider answers, and what becomes of it."""

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
from console.pages import sso
from tests.console.auth.conftest import post, recorded
from tests.console.auth.forger import SECRET, START, TOKEN, Forger
from tests.console.auth.test_second_factor import CODE, set_up
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db

DOCUMENT = "/.well-known/openid-configuration"


@pytest.fixture(autouse=True)
def bob(world: World, forger: Forger) -> User:
    """Return bob, of whom the provider speaks."""
    forger.says("bob")
    return world.person("bob")


def is_in(client: Client) -> bool:
    """Say whether somebody is signed in."""
    return client.get("/").status_code == 200


def why(caplog: pytest.LogCaptureFixture) -> str:
    """Return what the log says of a failure."""
    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    [reason] = [line["reason"] for line in said if line["event"] == "single_sign_on_failed"]
    return str(reason)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "HS256"])
def test_it_works(forger: Forger, client: Client, bob: User, algorithm: str) -> None:
    forger.algorithm = algorithm
    assert forger.sign_on(client, next="/apps/d1shop/")["Location"] == "/apps/d1shop/"
    assert client.get("/").context["user"] == bob
    paths = [path for path, _ in forger.asked]
    assert paths.count(DOCUMENT) == 2  # on the way there, and on the way back


def test_a_key_is_believed_as_soon_as_it_is_published(forger: Forger, client: Client) -> None:
    forger.sign_on(Client())
    forger.algorithm, forger.kid = "RS256", "two"
    forger.sign_on(client)
    assert is_in(client)


def test_the_only_key_needs_no_name(forger: Forger, client: Client) -> None:
    forger.kid = None
    forger.sign_on(client)
    assert is_in(client)


@pytest.mark.parametrize("times", [{"iat": 30, "nbf": 30}, {"exp": -30}])
def test_clocks_may_differ(forger: Forger, client: Client, times: dict[str, int]) -> None:
    forger.times = times
    forger.sign_on(client)
    assert is_in(client)


@pytest.mark.parametrize(
    ("times", "reason"), [({"exp": -400}, "expired"), ({"iat": 400}, "not yet")]
)
def test_clocks_may_differ_by_a_minute(
    forger: Forger,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    times: dict[str, int],
    reason: str,
) -> None:
    forger.times = times
    assert forger.sign_on(client).status_code == 403
    assert reason in why(caplog)
    assert not is_in(client)


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
def test_a_token_that_says_what_is_not_so(
    forger: Forger, client: Client, caplog: Any, token: dict[str, Any], reason: str
) -> None:
    forger.token = token
    answer = forger.sign_on(client)
    assert answer.status_code == 403
    assert "Sign-in failed." in answer.text
    assert reason in why(caplog)
    assert not is_in(client)
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
def test_a_token_that_another_signed(
    forger: Forger, client: Client, caplog: Any, forged: dict[str, Any], reason: str
) -> None:
    for name, value in forged.items():
        setattr(forger, name, value)
    assert forger.sign_on(client).status_code == 403
    assert reason in why(caplog)
    assert not is_in(client)


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "null", "{}", '{"keys": 7, "sub": 7}', "[" * 9999, "1" * 9999]
)
@pytest.mark.parametrize("path", ["/token", "/me", "/keys"])
def test_an_answer_that_is_none(forger: Forger, client: Client, path: str, body: str) -> None:
    forger.answers[path] = (200, body)
    assert forger.sign_on(client).status_code == 403
    assert not is_in(client)


@pytest.mark.parametrize("token", ["", None, 7, "abc", "a.b.c", {"a": 1}, "\ud800"], ids=ascii)
def test_a_token_that_is_none(forger: Forger, client: Client, token: object) -> None:
    forger.answers["/token"] = (200, {"access_token": TOKEN, "id_token": token, "expires_in": "x"})
    assert forger.sign_on(client).status_code == 403
    assert not is_in(client)


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
def test_a_document_that_leads_astray(
    forger: Forger, client: Client, wrong: dict[str, Any]
) -> None:
    _, document = forger.said_at(DOCUMENT)
    forger.answers[DOCUMENT] = (200, document | wrong)
    answer = client.get(START)
    assert answer.status_code == 403
    assert "Sign-in failed." in answer.text


def test_a_provider_elsewhere_leads_to_nothing_on_this_machine(
    forger: Forger, client: Client, settings: Any
) -> None:
    """What listens there trusts whoever is on the machine."""
    settings.OIDC_ISSUER = "https://login.example.org"
    assert client.get(START).status_code == 403
    assert forger.asked == []


@pytest.mark.parametrize("ways", [None, 7, {}, "client_secret_post"])
def test_ways_that_are_none(forger: Forger, client: Client, ways: object) -> None:
    _, document = forger.said_at(DOCUMENT)
    strange = {"token_endpoint_auth_methods_supported": ways}
    forger.answers[DOCUMENT] = (200, document | strange)
    forger.sign_on(client)
    assert is_in(client)


@pytest.mark.parametrize("token", ["\N{SNOWMAN}", "a\r\nX-More: b"])
def test_an_access_token_that_no_header_takes(
    forger: Forger, client: Client, caplog: Any, token: str
) -> None:
    there = forger.leads_back(client.get(START))
    _, answer = forger.said_at("/token", there.partition("code=")[2].partition("&")[0])
    forger.answers["/token"] = (200, answer | {"access_token": token})
    assert client.get(there).status_code == 403
    assert why(caplog) == "the access token contains non-ASCII characters"


def test_an_address_with_a_query(forger: Forger, client: Client) -> None:
    """Microsoft's external tenants name what to ask for in it."""
    _, document = forger.said_at(DOCUMENT)
    address = {"authorization_endpoint": f"{forger.url}/authorize?p=sign_in"}
    forger.answers[DOCUMENT] = (200, document | address)
    asked = urlsplit(client.get(START, {"next": "/apps/?a=b"})["Location"])
    assert asked.path == "/authorize"
    assert parse_qs(asked.query)["p"] == ["sign_in"]
    assert parse_qs(asked.query)["client_id"] == ["console"]


@pytest.mark.parametrize("pack", [None, gzip.compress])
def test_an_answer_without_an_end(
    forger: Forger, client: Client, caplog: Any, pack: Callable[[bytes], bytes] | None
) -> None:
    forger.pack, forger.answers[DOCUMENT] = pack, (200, " " * 20_000_000)
    assert client.get(START).status_code == 403
    assert why(caplog) == f"{forger.url}{DOCUMENT} returned more than 1000000 bytes"


def test_an_answer_may_be_packed(forger: Forger, client: Client) -> None:
    forger.pack = gzip.compress
    forger.sign_on(client)
    assert is_in(client)


def test_an_answer_that_is_not_packed_as_it_says(forger: Forger, client: Client) -> None:
    forger.pack = lambda sent: sent
    assert client.get(START).status_code == 503


@pytest.mark.parametrize("kind", ["", "text/html"])
def test_what_is_json_needs_no_name(forger: Forger, client: Client, kind: str) -> None:
    forger.kind = kind
    forger.sign_on(client)
    assert is_in(client)


def test_an_answer_that_drips(
    forger: Forger, client: Client, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte in four seconds is never too late for a limit between two."""
    monkeypatch.setattr(oidc_client, "BODY_TIMEOUT", -1)
    assert client.get(START).status_code == 503
    assert "took longer" in why(caplog)


@pytest.mark.parametrize("body", ["<html>", "[]", "null", "{}"])
def test_a_document_that_is_none(forger: Forger, client: Client, body: str) -> None:
    forger.answers[DOCUMENT] = (200, body)
    assert client.get(START).status_code == 403


@pytest.mark.parametrize("path", [DOCUMENT, "/token", "/me", "/keys"])
def test_a_provider_that_fails(forger: Forger, client: Client, caplog: Any, path: str) -> None:
    there = forger.leads_back(client.get(START))
    forger.answers[path] = (500, {"error": "server_error"})
    answer = client.get(there)
    assert answer.status_code == 503
    assert "be reached. Try again in a minute." in answer.text
    assert why(caplog) == f"{forger.url}{path} answered 500 server_error"


def test_our_secret_goes_nowhere_else(forger: Forger, client: Client, caplog: Any) -> None:
    forger.answers["/token"] = (307, {})
    assert forger.sign_on(client).status_code == 403
    assert "/elsewhere" not in [path for path, _ in forger.asked]
    assert "answered 307" in why(caplog)


def test_a_wrong_secret_is_told_in_the_log(forger: Forger, client: Client, caplog: Any) -> None:
    forger.answers["/token"] = (401, {"error": "invalid_client"})
    assert forger.sign_on(client).status_code == 403
    assert why(caplog) == f"{forger.url}/token answered 401 invalid_client"


def test_the_secret_is_sent_as_the_provider_takes_it(forger: Forger, client: Client) -> None:
    """Without a word of his, in a header (OpenID Connect Discovery 3)."""
    forger.sign_on(client)
    _, document = forger.said_at(DOCUMENT)
    ways = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    forger.answers[DOCUMENT] = (200, document | ways)
    forger.sign_on(Client())
    first, second = (sent for path, sent in forger.asked if path == "/token")
    assert "client_secret" not in first
    assert second["client_secret"] == [SECRET]
    assert len(first["code_verifier"][0]) >= 43


def test_an_answer_of_another_issuer(forger: Forger, client: Client, caplog: Any) -> None:
    there = forger.leads_back(client.get(START))
    assert client.get(f"{there}&iss=https%3A%2F%2Fevil.example").status_code == 403
    assert why(caplog) == "the answer is of another issuer"
    assert client.get(f"{there}&iss={forger.url}").status_code == 302


def test_a_link_asks_nothing_else(forger: Forger, client: Client) -> None:
    wanted = "redirect_uri=https://evil.example&client_id=x&response_type=token&login_hint=x"
    asked = client.get(START, {"auth_params": wanted, "scope": "offline_access"})["Location"]
    for word in ("evil", "client_id=x", "response_type=token", "login_hint", "offline_access"):
        assert word not in asked


def test_nothing_that_opens_anything_is_kept(forger: Forger, client: Client, caplog: Any) -> None:
    """Not even while a second factor is asked for, when the session holds who is coming."""
    browser = Client()
    post(browser, "bob@example.org")
    set_up(browser)
    forger.person |= {"name": "Bob", "picture": "https://example.org/bob.png"}
    assert forger.sign_on(client)["Location"] == CODE
    kept = str(dict(client.session.items())) + str(SocialAccount.objects.values())
    assert "bob@example.org" in kept
    said = caplog.text
    assert "callback/?[redacted]" in said
    verifier = next(sent for path, sent in forger.asked if path == "/token")["code_verifier"][0]
    for word in (TOKEN, "the-code", SECRET, verifier):
        assert word not in kept
        assert word not in said
    assert "bob.png" not in kept


def test_a_provider_that_hangs_leaves_threads_for_others(
    forger: Forger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sso, "SLOT_PATIENCE", 0)
    taken = 0
    while sso.SLOTS.acquire(blocking=False):
        taken += 1
    try:
        answer = client.get(START)
        assert answer.status_code == 503
        assert "Too many people are signing in" in answer.text
        assert client.get("/accounts/login/").status_code == 200
    finally:
        sso.SLOTS.release(taken)
    assert client.get(START).status_code == 302
    assert taken == 4


def test_nobody_makes_the_console_ask_for_ever(
    forger: Forger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sso, "RATE", "2/60s/ip")
    there = forger.leads_back(client.get(START))
    assert client.get(f"{START}callback/").status_code == 403
    asked = len(forger.asked)
    for url in (START, there):
        answer = client.get(url)
        assert answer.status_code == 429
        assert answer["Retry-After"] == "60"
    assert len(forger.asked) == asked
    forger.sign_on(Client(REMOTE_ADDR="203.0.113.9"))


def test_refusals_that_anybody_can_cause_are_recorded_now_and_then(
    forger: Forger, client: Client
) -> None:
    for _ in range(3):
        assert client.get(f"{START}callback/?code=x&state=y").status_code == 403
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    elsewhere.get(f"{START}callback/?code=x&state=y")
    assert (
        recorded("session.sign_in")
        == [("Someone not signed in", "by single sign-on", ["denied"])] * 2
    )
