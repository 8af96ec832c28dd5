"""Single sign-on with a real OpenID provider: who gets in, as whom, into which groups."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory

from console.auth.reauthentication import is_recent, record
from console.lib.oidc_config import groups_mapping, is_safe_url
from console.models import Member, User
from tests.console.auth.conftest import SIGN_IN, post, recorded
from tests.console.auth.test_second_factor import CODE, code_of, set_up
from tests.fixtures.people import PASSWORD, World
from tests.fixtures.provider import Provider

pytestmark = pytest.mark.django_db

START = "/accounts/single-sign-on/"


def sign_on(provider: Provider, client: Client, sub: str, then: str = "") -> Any:
    """Sign on through the provider and return the response to its redirect back."""
    start = client.get(START, {"next": then} if then else {})
    assert start["Location"].startswith(provider.url)
    return client.get(provider.sign_in(start["Location"], sub), follow=False)


@pytest.fixture
def bob(world: World, single_sign_on: Provider) -> User:
    """Return bob, who has the same email address at the provider."""
    single_sign_on.set_user("bob", email="Bob@Example.org", email_verified=True)
    return world.person("bob")


def test_it_works(single_sign_on: Provider, bob: User, client: Client) -> None:
    page = client.get(f"{SIGN_IN}?next=/apps/d1shop/")
    assert f'href="{START}?next=/apps/d1shop/"' in page.text
    assert "Sign in with Example" in page.text
    assert sign_on(single_sign_on, client, "bob", "/apps/d1shop/")["Location"] == "/apps/d1shop/"
    assert client.get("/").context["user"] == bob
    assert recorded("session.sign_in") == [("bob@example.org", "", ["succeeded"])]
    assert SocialAccount.objects.get().user == bob
    assert not SocialToken.objects.exists()
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)  # the password form stays


def test_authorization_request(single_sign_on: Provider, client: Client) -> None:
    asked = parse_qs(urlsplit(client.get(START)["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert len(asked["state"][0]) >= 16
    assert asked["redirect_uri"] == ["http://testserver/accounts/single-sign-on/callback/"]


def test_later_sign_ins_match_by_subject(
    single_sign_on: Provider, bob: User, client: Client
) -> None:
    sign_on(single_sign_on, client, "bob")
    single_sign_on.set_user("bob", email="mia@example.org", email_verified=True)
    again = Client()
    sign_on(single_sign_on, again, "bob")
    assert again.get("/").context["user"] == bob


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "bob@example.org"},
        {"email": "bob@example.org", "email_verified": False},
        {"email": "bob@example.org", "email_verified": "true"},
        {"email_verified": True},
        {"email": "", "email_verified": True},
    ],
)
def test_unverified_email(
    single_sign_on: Provider, bob: User, client: Client, claims: dict[str, Any]
) -> None:
    single_sign_on.set_user("thief", **claims)
    response = sign_on(single_sign_on, client, "thief")
    assert response.status_code == 403
    assert "has not verified your email address" in response.text
    assert client.get("/").status_code == 302
    assert recorded("session.sign_in")[-1][2] == ["denied"]


def test_discovery_with_another_issuer(
    single_sign_on: Provider, bob: User, client: Client, settings: Any
) -> None:
    """Its discovery document names another issuer than OIDC_ISSUER."""
    settings.OIDC_ISSUER = "https://login.example.org"
    response = client.get(START)
    assert response.status_code == 403
    assert "Sign-in failed." in response.text
    assert client.get("/").status_code == 302
    assert recorded("session.sign_in")[-1][2] == ["denied"]


def test_unknown_user(single_sign_on: Provider, world: World, client: Client) -> None:
    single_sign_on.set_user("zoe", email="zoe@example.org", email_verified=True, groups=["web"])
    response = sign_on(single_sign_on, client, "zoe")
    assert response.status_code == 403
    assert "Ask an operator to add you." in response.text
    assert not User.objects.filter(email="zoe@example.org").exists()


@pytest.fixture
def web(world: World) -> Group:
    """Return a group with the role developer."""
    group = Group.objects.create(name="web")
    Member.objects.create(app=world.app, group=group, role="developer")
    return group


def test_mapped_group_creates_the_account(
    settings: Any, single_sign_on: Provider, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("frontend=web")
    single_sign_on.set_user(
        "zoe", email="Zoe@example.org", email_verified=True, groups=["frontend", "others"]
    )
    sign_on(single_sign_on, client, "zoe")
    zoe = User.objects.get(email="zoe@example.org")
    assert not zoe.has_usable_password()
    assert not zoe.is_superuser
    assert list(zoe.groups.all()) == [web]
    assert client.get("/apps/d1shop/").status_code == 200
    events = [("Single sign-on", "web: added zoe@example.org", ["succeeded"])]
    assert recorded("group.change") == events * 2  # in the deployment's log and in the app's


def test_leaving_a_group_removes_the_role(
    settings: Any, single_sign_on: Provider, bob: User, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("web, ops=operations")
    kept = Group.objects.create(name="kept")
    bob.groups.add(web, kept)
    sign_on(single_sign_on, client, "bob")  # a missing claim means no groups
    assert list(bob.groups.all()) == [kept]
    assert recorded("group.change")[0][1] == "web: removed bob@example.org"


def test_groups_of_the_same_name_in_different_case(
    settings: Any, single_sign_on: Provider, bob: User, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    bob.groups.add(Group.objects.create(name="gone"))
    single_sign_on.set_user(
        "bob", email="bob@example.org", email_verified=True, groups=["web", "nosuch"]
    )
    sign_on(single_sign_on, client, "bob")
    assert list(bob.groups.all()) == [web]
    assert not Group.objects.filter(name="nosuch").exists()


@pytest.mark.parametrize("claim", [None, 7, {"web": 1}, [7, None, ["web"]], "", "WEB"])
def test_invalid_groups_claim(
    settings: Any, single_sign_on: Provider, bob: User, web: Group, client: Client, claim: Any
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    single_sign_on.set_user("bob", email="bob@example.org", email_verified=True, groups=claim)
    sign_on(single_sign_on, client, "bob")
    assert list(bob.groups.all()) == []


def test_no_group_mapping(single_sign_on: Provider, bob: User, web: Group, client: Client) -> None:
    bob.groups.add(web)
    sign_on(single_sign_on, client, "bob")
    assert list(bob.groups.all()) == [web]


def test_disabled_user(single_sign_on: Provider, world: World, client: Client) -> None:
    world.person("ivan")
    single_sign_on.set_user("ivan", email="ivan@example.org", email_verified=True)
    response = sign_on(single_sign_on, client, "ivan")
    assert response.status_code == 403
    assert "Your account is disabled." in response.text
    assert client.get("/").status_code == 302
    assert not SocialAccount.objects.exists()
    assert recorded("session.sign_in")[0][1:] == ("ivan@example.org by single sign-on", ["denied"])


def test_second_factor_is_still_required(
    single_sign_on: Provider, bob: User, client: Client
) -> None:
    browser = Client()
    post(browser, "bob@example.org")
    secret = set_up(browser)
    assert sign_on(single_sign_on, client, "bob")["Location"] == CODE
    assert client.get("/").status_code == 302
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("process", ["connect", "redirect"])
def test_signed_in_user_cannot_connect_another_identity(
    single_sign_on: Provider, bob: User, client_for: Callable[[str], Client], process: str
) -> None:
    """Nor does the session change to the other user."""
    mia = client_for("mia")
    start = mia.get(START, {"process": process})
    response = mia.get(single_sign_on.sign_in(start["Location"], "bob"))
    assert response.status_code == 403
    assert mia.get("/").context["user"].email == "mia@example.org"
    assert not SocialAccount.objects.filter(user__email="mia@example.org").exists()


def test_callback_in_another_browser(single_sign_on: Provider, bob: User, client: Client) -> None:
    there = single_sign_on.sign_in(client.get(START)["Location"], "bob")
    thief = Client()
    assert thief.get(there).status_code == 403
    assert thief.get("/").status_code == 302


def test_callback_works_once(single_sign_on: Provider, bob: User, client: Client) -> None:
    there = single_sign_on.sign_in(client.get(START)["Location"], "bob")
    assert client.get(there).status_code == 302
    client.post("/accounts/logout/")
    assert client.get(there).status_code == 403


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?state=%00"])
def test_callback_without_state(single_sign_on: Provider, client: Client, query: str) -> None:
    response = client.get(f"{START}callback/{query}")
    assert response.status_code == 403
    assert "This sign-in has expired" in response.text
    assert 'href="/accounts/login/"' in response.text


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("access_denied", "Sign-in at the provider was canceled"),
        ("server_error", "Sign-in failed."),
        ("", "Sign-in failed."),
    ],
)
def test_provider_denies_access(
    single_sign_on: Provider, client: Client, error: str, sentence: str
) -> None:
    [state] = parse_qs(urlsplit(client.get(START)["Location"]).query)["state"]
    for query in ({"error": error, "state": state}, {"error": error}):
        response = client.get(f"{START}callback/", query)
        assert response.status_code == 403
        assert sentence in response.text


def test_unavailable_provider(settings: Any, single_sign_on: Provider, client: Client) -> None:
    [app] = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    app["settings"]["server_url"] = "http://127.0.0.1:9"
    response = client.get(START)
    assert response.status_code == 503
    assert "be reached. Try again in a minute." in response.text


def test_next_stays_on_the_site(single_sign_on: Provider, bob: User, client: Client) -> None:
    assert sign_on(single_sign_on, client, "bob", "https://evil.example/")["Location"] == "/"


def test_reauthentication(
    single_sign_on: Provider, world: World, settings: Any, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    single_sign_on.set_user("zoe", email="zoe@example.org", email_verified=True, groups=["web"])
    sign_on(single_sign_on, client, "zoe")
    leads = client.get("/accounts/reauthenticate/?next=/accounts/sessions/")["Location"]
    asked = client.get(leads)["Location"]
    assert parse_qs(urlsplit(asked).query)["prompt"] == ["login"]
    back = client.get(single_sign_on.sign_in(asked, "zoe"))
    assert back["Location"] == "/accounts/sessions/"
    assert client.get("/accounts/sessions/").status_code == 200


def test_reauthentication_needs_a_recent_sign_in_at_the_provider(
    client: Client, rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.session = client.session
    for at, recent in ((time.time() - 3600, False), (None, True), (time.time() + 3600, True)):
        record(request, at=at)
        assert is_recent(request) is recent
    record(request, at="soon")
    assert is_recent(request)


@pytest.fixture
def no_passwords(settings: Any, single_sign_on: Provider) -> None:
    """Turn passwords off."""
    settings.PASSWORD_SIGN_IN = False


@pytest.mark.usefixtures("no_passwords")
def test_passwords_turned_off(bob: User, client: Client, single_sign_on: Provider) -> None:
    page = client.get(SIGN_IN).text
    assert 'name="password"' not in page
    assert "passkey-button" not in page
    assert post(client, "bob@example.org").status_code == 403
    assert client.get("/accounts/passkey/").status_code == 403
    sign_on(single_sign_on, client, "bob")
    home = client.get("/")
    assert "Change password" not in home.text
    assert client.get("/accounts/password/change/").status_code == 403
    assert client.get("/accounts/reauthenticate/")["Location"].startswith(START)
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD})["Location"]


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://login.example.org", True),
        ("http://127.0.0.1:9400", True),
        ("http://localhost", True),
        ("http://login.example.org", False),
        ("https://", False),
        ("login.example.org", False),
        ("file:///etc/passwd", False),
        ("https://[", False),
        (None, False),
    ],
)
def test_issuer_needs_https(url: object, safe: bool) -> None:
    assert is_safe_url(url) is safe


def test_group_mapping() -> None:
    assert groups_mapping("") == {}
    assert groups_mapping(" a = b , c,, d=") == {"a": "b", "c": "c", "d": "d"}
    assert groups_mapping("*") == {"*": "*"}
