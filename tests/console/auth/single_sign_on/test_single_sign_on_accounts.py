"""Which account an OpenID identity signs in to, and what that sign-in counts for."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client

from console.lib.oidc_config import groups_mapping, openid_provider
from console.models import AuditOutcome, User
from tests.console.auth.conftest import SESSIONS, post, recorded
from tests.console.auth.single_sign_on.fake_provider import SECRET, START, FakeProvider
from tests.console.auth.test_second_factor import CODE, code_of, set_up
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db

FACTORS = "/accounts/second-factor/app/add/"
TAKEN = "Another identity at the provider is linked"


@pytest.fixture(autouse=True)
def bob(world: World, provider: FakeProvider) -> User:
    """Return bob, whom the provider identifies."""
    provider.identify("bob")
    return world.person("bob")


def signed_in_user(client: Client) -> str:
    """Return the email address of the signed-in user."""
    page = client.get("/")
    return page.context["user"].email if page.status_code == 200 else ""


def test_it_works(provider: FakeProvider, client: Client) -> None:
    provider.sign_on(client)
    assert signed_in_user(client) == "bob@example.org"
    linked = "bob@example.org: linked to single sign-on"
    words = f"{linked}; access is suspended until another owner confirms it"
    assert recorded("account.change") == [("Single sign-on", words, ["succeeded"])] * 2
    provider.sign_on(client)
    assert len(recorded("account.change")) == 2  # for the deployment and the app


def test_audit_log_names_the_method(provider: FakeProvider, client: Client) -> None:
    post(client, "bob@example.org")
    provider.sign_on(Client())
    ends = AuditOutcome.objects.filter(event__action="session.sign_in").order_by("pk")
    assert [end.detail for end in ends] == ["", "by single sign-on"]


def test_another_subject_with_the_same_email(provider: FakeProvider, client: Client) -> None:
    """Email addresses may be reassigned; subjects never are (OpenID Connect Core 5.7)."""
    provider.sign_on(Client())
    provider.identify("newcomer", email="bob@example.org")
    response = provider.sign_on(client)
    assert response.status_code == 403
    assert TAKEN in response.text
    assert not signed_in_user(client)
    assert recorded("session.sign_in")[-1][1:] == ("bob@example.org by single sign-on", ["denied"])


def test_operator_unlinks_an_identity(
    provider: FakeProvider, client_for: Callable[[str], Client], client: Client
) -> None:
    before = Client()
    provider.sign_on(before)
    olga = client_for("olga")
    rows = olga.get("/admin/socialaccount/socialaccount/")
    assert "bob@example.org" in rows.text
    row = SocialAccount.objects.get()
    page = f"/admin/socialaccount/socialaccount/{row.pk}/"
    assert "id_token" not in olga.get(f"{page}change/").text
    olga.post(f"{page}delete/", {"post": "yes"})
    assert recorded("user.change")[-1] == (
        "olga@example.org",
        "bob@example.org: unlinked from single sign-on",
        ["succeeded"],
    )
    assert not signed_in_user(before)
    assert signed_in_user(olga) == "olga@example.org"
    provider.identify("newcomer", email="bob@example.org")
    provider.sign_on(client)
    assert signed_in_user(client) == "bob@example.org"


def test_subject_of_another_issuer(
    provider: FakeProvider, client: Client, settings: Any, world: World
) -> None:
    """Two providers may both have a subject 7."""
    SocialAccount.objects.create(
        user=world.person("alice"), provider="https://old.example.org", uid="7"
    )
    provider.identify("7", email="bob@example.org")
    provider.sign_on(client)
    assert signed_in_user(client) == "bob@example.org"


@pytest.mark.parametrize(
    ("token", "person"),
    [
        ({"email": "mia@example.org", "email_verified": True}, {"email_verified": None}),
        ({"email_verified": True}, {"email_verified": False}),
        ({}, {"email": ["bob@example.org"]}),
        ({}, {"email": 7}),
        ({}, {"email": True}),
        ({}, {"email": "bob@example.org\0"}),
        ({}, {"email": "bob"}),
        ({}, {"email_verified": False, "xms_edov": True}),
        ({}, {"email_verified": None, "xms_edov": True}),
    ],
)
def test_email_verified_refers_to_its_own_email(
    provider: FakeProvider, client: Client, token: dict[str, Any], person: dict[str, Any]
) -> None:
    provider.token = token
    provider.identify("bob", **person)
    provider.sign_on(client)
    assert signed_in_user(client) != "bob@example.org"


def test_email_verified_in_the_token(provider: FakeProvider, client: Client) -> None:
    """Amazon Cognito sends the string "true" in the user info."""
    provider.token = {"email": "bob@example.org", "email_verified": True}
    provider.identify("bob", email_verified="true")
    provider.sign_on(client)
    assert signed_in_user(client) == "bob@example.org"


@pytest.mark.parametrize(("word", "counts"), [(True, True), ("1", True), (0, False)])
def test_entra_id_claim(provider: FakeProvider, client: Client, word: object, counts: bool) -> None:
    """It sends `xms_edov` instead of `email_verified`, if an administrator enables it."""
    provider.token = {"email": "bob@example.org", "xms_edov": word}
    provider.user_info = {"sub": "bob", "email": "bob@example.org"}
    provider.sign_on(client)
    assert (signed_in_user(client) == "bob@example.org") is counts


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
def test_subject_with_unstorable_characters(
    provider: FakeProvider, client: Client, number: str
) -> None:
    """Python accepts such characters, PostgreSQL does not."""
    document = json.dumps(provider.user_info | {"auth_time": 7})
    provider.responses["/me"] = (200, document.replace("7", number))
    assert provider.sign_on(client).status_code == 302
    assert "auth_time" not in str(SocialAccount.objects.values_list("extra_data"))


def test_unicode_lookalikes_of_an_email(
    provider: FakeProvider, client: Client, world: World
) -> None:
    world.person("mike")
    provider.identify("thief", email="mi\N{KELVIN SIGN}e@example.org")
    response = provider.sign_on(client)
    assert "Ask an operator to add you." in response.text
    provider.identify("mike", email="MIKE@Example.org")
    provider.sign_on(client)
    assert signed_in_user(client) == "mike@example.org"


def test_account_for_the_verified_address(
    provider: FakeProvider, client: Client, settings: Any
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    Group.objects.create(name="web")
    provider.token = {"email": "Zoe@example.org", "email_verified": True}
    provider.identify(
        "zoe", email="mia@example.org", email_verified=False, groups=["web", "\0", "x\n"]
    )
    provider.sign_on(client)
    assert signed_in_user(client) == "zoe@example.org"


def test_account_has_one_address(provider: FakeProvider, client: Client, settings: Any) -> None:
    """A second one would let an old address keep signing in."""
    settings.OIDC_GROUPS = groups_mapping("*")
    Group.objects.create(name="web")
    provider.identify("zoe", groups=["web"])
    provider.sign_on(client)
    assert signed_in_user(client) == "zoe@example.org"
    assert not EmailAddress.objects.exists()
    assert [subject for _, subject, _ in recorded("user.change")] == [
        "zoe@example.org: added by single sign-on",
    ]
    assert [subject for _, subject, _ in recorded("account.change")] == [
        "zoe@example.org: linked to single sign-on"
    ]


def test_many_groups(provider: FakeProvider, client: Client, settings: Any, bob: User) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    web = Group.objects.create(name="web")
    provider.user_info["groups"] = [f"group {number}" for number in range(2_000)] + ["web"]
    provider.sign_on(client)
    assert list(bob.groups.all()) == [web]


def test_groups_with_a_second_factor(
    provider: FakeProvider, client: Client, settings: Any, bob: User
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    group = Group.objects.create(name="web")
    provider.user_info["groups"] = ["web"]
    browser = Client()
    post(browser, "bob@example.org")
    secret = set_up(browser)
    assert provider.sign_on(client)["Location"] == CODE
    assert not bob.groups.exists()
    client.post(CODE, {"code": code_of(secret)})
    assert list(bob.groups.all()) == [group]
    assert client.get(FACTORS).status_code == 302  # they have one, and are not asked again
    assert client.get("/accounts/second-factor/app/remove/").status_code == 200


@pytest.mark.parametrize(
    ("claims", "needs_reauthentication"),
    [
        (lambda: {}, True),
        (lambda: {"auth_time": 0}, True),
        (lambda: {"auth_time": time.time()}, False),
    ],
    ids=["nothing", "long ago", "now"],
)
def test_silent_sign_in_does_not_confirm(
    provider: FakeProvider,
    client: Client,
    claims: Callable[[], dict[str, float]],
    needs_reauthentication: bool,
) -> None:
    """A provider with an open session lets anyone at that browser through."""
    provider.token = claims()
    provider.sign_on(client)
    assert (client.get(FACTORS).status_code == 302) is needs_reauthentication


def test_reauthentication(provider: FakeProvider, client: Client) -> None:
    provider.sign_on(client)
    there = client.get(f"/accounts/reauthenticate/?next={SESSIONS}")
    assert there.status_code == 200  # a password also confirms
    assert "Use single sign-on" in there.text
    asked = client.get(START, {"next": FACTORS})
    assert "prompt=login" in asked["Location"]
    assert "max_age=0" in asked["Location"]
    assert client.get(provider.callback_url(asked))["Location"] == FACTORS
    assert client.get(FACTORS).status_code == 200


def test_reauthentication_without_a_new_sign_in(provider: FakeProvider, client: Client) -> None:
    """Otherwise the page and the provider would redirect to each other forever."""
    provider.sign_on(client)
    provider.token = {"auth_time": time.time() - 3600}
    response = provider.sign_on(client)
    assert response.status_code == 403
    assert "The provider did not ask you to sign in" in response.text
    assert signed_in_user(client) == "bob@example.org"


def test_reauthentication_with_a_modified_request(
    provider: FakeProvider, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """`max_age` is in a URL that users can edit; only the token proves a new sign-in."""
    provider.sign_on(client)
    asked = client.get(START)["Location"]
    less = asked.replace("max_age=0", "x=0").replace("prompt=login", "y=0")
    provider.user_info["auth_time"] = time.time()  # unsigned
    assert client.get(provider.callback_url({"Location": less})).status_code == 403
    assert "does not say when the provider asked (auth_time)" in caplog.text
    assert client.get(FACTORS).status_code == 302
    assert signed_in_user(client) == "bob@example.org"


def test_provider_without_auth_time(provider: FakeProvider, client: Client, settings: Any) -> None:
    settings.OIDC_TRUST_PROMPT = True
    provider.token = {"auth_time": None}
    provider.sign_on(client)
    assert client.get(FACTORS).status_code == 302
    provider.sign_on(client)
    assert client.get(FACTORS).status_code == 200


def test_reauthentication_as_another_user(
    provider: FakeProvider, client: Client, world: World
) -> None:
    provider.sign_on(client)
    world.person("mia")
    provider.identify("mia")
    response = provider.sign_on(client)
    assert response.status_code == 403
    assert "as a different user" in response.text
    assert signed_in_user(client) == "bob@example.org"


def test_reauthentication_after_passwords_are_turned_off(
    provider: FakeProvider, client: Client, settings: Any
) -> None:
    post(client, "bob@example.org")
    settings.PASSWORD_SIGN_IN = False
    response = client.get(f"/accounts/reauthenticate/?next={FACTORS}")
    assert response.status_code == 302
    asked = client.get(response["Location"])
    assert client.get(provider.callback_url(asked))["Location"] == FACTORS


def test_accounts_are_stored_per_issuer() -> None:
    provider = openid_provider(
        issuer="https://login.example.org", name="x", client_id="x", secret=SECRET, scope="openid"
    )
    [app] = provider["openid_connect"]["APPS"]
    assert app["provider_id"] == "https://login.example.org"


def test_required_second_factor_setup_can_reauthenticate(
    provider: FakeProvider, client: Client, settings: Any, bob: User
) -> None:
    """They have not confirmed their identity yet, and have no password here."""
    settings.REQUIRE_MFA = "all"
    bob.set_unusable_password()
    bob.save()
    provider.sign_on(client)
    assert client.get("/")["Location"] == "/accounts/second-factor/"
    asked = client.get(client.get(FACTORS)["Location"])
    assert "prompt=login" in asked["Location"]
    assert client.get(provider.callback_url(asked))["Location"] == FACTORS
    assert client.get(FACTORS).status_code == 200
