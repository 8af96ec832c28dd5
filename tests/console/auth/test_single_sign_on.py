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
    """Go the whole way: to the provider, and back with what it says."""
    start = client.get(START, {"next": then} if then else {})
    assert start["Location"].startswith(provider.url)
    return client.get(provider.agrees(start["Location"], sub), follow=False)


@pytest.fixture
def bob(world: World, single_sign_on: Provider) -> User:
    """Return bob, whom the provider knows by the email that the console does."""
    single_sign_on.knows("bob", email="Bob@Example.org", email_verified=True)
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
    assert bob.check_password(PASSWORD)  # it is another way in, not the only one


def test_the_way_there_is_guarded(single_sign_on: Provider, client: Client) -> None:
    asked = parse_qs(urlsplit(client.get(START)["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert len(asked["state"][0]) >= 16
    assert asked["redirect_uri"] == ["http://testserver/accounts/single-sign-on/callback/"]


def test_he_is_known_by_subject_from_then_on(
    single_sign_on: Provider, bob: User, client: Client
) -> None:
    sign_on(single_sign_on, client, "bob")
    single_sign_on.knows("bob", email="mia@example.org", email_verified=True)
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
def test_an_email_that_is_not_verified_is_nobodys(
    single_sign_on: Provider, bob: User, client: Client, claims: dict[str, Any]
) -> None:
    single_sign_on.knows("thief", **claims)
    answer = sign_on(single_sign_on, client, "thief")
    assert answer.status_code == 403
    assert "has not verified your email address" in answer.text
    assert client.get("/").status_code == 302
    assert recorded("session.sign_in")[-1][2] == ["denied"]


def test_a_provider_that_speaks_for_another(
    single_sign_on: Provider, bob: User, client: Client, settings: Any
) -> None:
    """Its document names itself as the issuer, and that is not the one in OIDC_ISSUER."""
    settings.OIDC_ISSUER = "https://login.example.org"
    answer = client.get(START)
    assert answer.status_code == 403
    assert "Sign-in failed." in answer.text
    assert client.get("/").status_code == 302
    assert recorded("session.sign_in")[-1][2] == ["denied"]


def test_a_stranger(single_sign_on: Provider, world: World, client: Client) -> None:
    single_sign_on.knows("zoe", email="zoe@example.org", email_verified=True, groups=["web"])
    answer = sign_on(single_sign_on, client, "zoe")
    assert answer.status_code == 403
    assert "Ask an operator to add you." in answer.text
    assert not User.objects.filter(email="zoe@example.org").exists()


@pytest.fixture
def web(world: World) -> Group:
    """Return a group whose people develop the app."""
    group = Group.objects.create(name="web")
    Member.objects.create(app=world.app, group=group, role="developer")
    return group


def test_a_group_makes_an_account_and_a_role(
    settings: Any, single_sign_on: Provider, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("frontend=web")
    single_sign_on.knows(
        "zoe", email="Zoe@example.org", email_verified=True, groups=["frontend", "others"]
    )
    sign_on(single_sign_on, client, "zoe")
    zoe = User.objects.get(email="zoe@example.org")
    assert not zoe.has_usable_password()
    assert not zoe.is_superuser
    assert list(zoe.groups.all()) == [web]
    assert client.get("/apps/d1shop/").status_code == 200
    said = [("Single sign-on", "web: added zoe@example.org", ["succeeded"])]
    assert recorded("group.change") == said * 2  # for the deployment, and for the app


def test_who_left_the_group_loses_the_role(
    settings: Any, single_sign_on: Provider, bob: User, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("web, ops=operations")
    kept = Group.objects.create(name="kept")
    bob.groups.add(web, kept)
    sign_on(single_sign_on, client, "bob")  # no claim is no group
    assert list(bob.groups.all()) == [kept]
    assert recorded("group.change")[0][1] == "web: removed bob@example.org"


def test_every_group_of_its_name(
    settings: Any, single_sign_on: Provider, bob: User, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    bob.groups.add(Group.objects.create(name="gone"))
    single_sign_on.knows(
        "bob", email="bob@example.org", email_verified=True, groups=["web", "nosuch"]
    )
    sign_on(single_sign_on, client, "bob")
    assert list(bob.groups.all()) == [web]
    assert not Group.objects.filter(name="nosuch").exists()


@pytest.mark.parametrize("claim", [None, 7, {"web": 1}, [7, None, ["web"]], "", "WEB"])
def test_a_claim_that_names_no_group(
    settings: Any, single_sign_on: Provider, bob: User, web: Group, client: Client, claim: Any
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    single_sign_on.knows("bob", email="bob@example.org", email_verified=True, groups=claim)
    sign_on(single_sign_on, client, "bob")
    assert list(bob.groups.all()) == []


def test_without_a_mapping_groups_are_left_alone(
    single_sign_on: Provider, bob: User, web: Group, client: Client
) -> None:
    bob.groups.add(web)
    sign_on(single_sign_on, client, "bob")
    assert list(bob.groups.all()) == [web]


def test_who_is_disabled_here_stays_out(
    single_sign_on: Provider, world: World, client: Client
) -> None:
    world.person("ivan")
    single_sign_on.knows("ivan", email="ivan@example.org", email_verified=True)
    answer = sign_on(single_sign_on, client, "ivan")
    assert answer.status_code == 403
    assert "Your account is disabled." in answer.text
    assert client.get("/").status_code == 302
    assert not SocialAccount.objects.exists()
    assert recorded("session.sign_in")[0][1:] == ("ivan@example.org by single sign-on", ["denied"])


def test_a_second_factor_is_asked_for_as_well(
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
def test_nobody_connects_anothers_identity(
    single_sign_on: Provider, bob: User, as_: Callable[[str], Client], process: str
) -> None:
    """Nor becomes him in the midst of what she does."""
    mia = as_("mia")
    start = mia.get(START, {"process": process})
    answer = mia.get(single_sign_on.agrees(start["Location"], "bob"))
    assert answer.status_code == 403
    assert mia.get("/").context["user"].email == "mia@example.org"
    assert not SocialAccount.objects.filter(user__email="mia@example.org").exists()


def test_an_answer_that_nobody_asked_for(
    single_sign_on: Provider, bob: User, client: Client
) -> None:
    there = single_sign_on.agrees(client.get(START)["Location"], "bob")
    thief = Client()
    assert thief.get(there).status_code == 403
    assert thief.get("/").status_code == 302


def test_an_answer_works_once(single_sign_on: Provider, bob: User, client: Client) -> None:
    there = single_sign_on.agrees(client.get(START)["Location"], "bob")
    assert client.get(there).status_code == 302
    client.post("/accounts/logout/")
    assert client.get(there).status_code == 403


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?state=%00"])
def test_an_answer_to_no_question(single_sign_on: Provider, client: Client, query: str) -> None:
    answer = client.get(f"{START}callback/{query}")
    assert answer.status_code == 403
    assert "This sign-in has expired" in answer.text
    assert 'href="/accounts/login/"' in answer.text


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("access_denied", "Sign-in at the provider was canceled"),
        ("server_error", "Sign-in failed."),
        ("", "Sign-in failed."),
    ],
)
def test_an_answer_that_says_no(
    single_sign_on: Provider, client: Client, error: str, sentence: str
) -> None:
    [state] = parse_qs(urlsplit(client.get(START)["Location"]).query)["state"]
    for query in ({"error": error, "state": state}, {"error": error}):
        answer = client.get(f"{START}callback/", query)
        assert answer.status_code == 403
        assert sentence in answer.text


def test_a_provider_that_is_not_there(
    settings: Any, single_sign_on: Provider, client: Client
) -> None:
    [app] = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    app["settings"]["server_url"] = "http://127.0.0.1:9"
    answer = client.get(START)
    assert answer.status_code == 503
    assert "be reached. Try again in a minute." in answer.text


def test_next_stays_on_the_site(single_sign_on: Provider, bob: User, client: Client) -> None:
    assert sign_on(single_sign_on, client, "bob", "https://evil.example/")["Location"] == "/"


def test_confirming_by_single_sign_on(
    single_sign_on: Provider, world: World, settings: Any, web: Group, client: Client
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    single_sign_on.knows("zoe", email="zoe@example.org", email_verified=True, groups=["web"])
    sign_on(single_sign_on, client, "zoe")
    leads = client.get("/accounts/reauthenticate/?next=/accounts/sessions/")["Location"]
    asked = client.get(leads)["Location"]
    assert parse_qs(urlsplit(asked).query)["prompt"] == ["login"]
    back = client.get(single_sign_on.agrees(asked, "zoe"))
    assert back["Location"] == "/accounts/sessions/"
    assert client.get("/accounts/sessions/").status_code == 200


def test_an_old_sign_in_at_the_provider_confirms_nothing(
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
def without_passwords(settings: Any, single_sign_on: Provider) -> None:
    """Turn passwords off."""
    settings.PASSWORD_SIGN_IN = False


@pytest.mark.usefixtures("without_passwords")
def test_passwords_can_be_turned_off(bob: User, client: Client, single_sign_on: Provider) -> None:
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
def test_the_provider_is_asked_over_tls(url: object, safe: bool) -> None:
    assert is_safe_url(url) is safe


def test_the_mapping() -> None:
    assert groups_mapping("") == {}
    assert groups_mapping(" a = b , c,, d=") == {"a": "b", "c": "c", "d": "d"}
    assert groups_mapping("*") == {"*": "*"}
