"""Whose account it is that an OpenID provider speaks of, and what that sign-in counts for."""

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
from tests.console.auth.forger import SECRET, START, Forger
from tests.console.auth.test_second_factor import CODE, code_of, set_up
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db

FACTORS = "/accounts/second-factor/app/add/"
TAKEN = "Another identity at the provider is linked"


@pytest.fixture(autouse=True)
def bob(world: World, forger: Forger) -> User:
    """Return bob, of whom the provider speaks."""
    forger.says("bob")
    return world.person("bob")


def who(client: Client) -> str:
    """Return who is signed in."""
    page = client.get("/")
    return page.context["user"].email if page.status_code == 200 else ""


def test_it_works(forger: Forger, client: Client) -> None:
    forger.sign_on(client)
    assert who(client) == "bob@example.org"
    assert recorded("user.change") == [
        ("Single sign-on", "bob@example.org: linked to single sign-on", ["succeeded"])
    ]
    forger.sign_on(client)
    assert len(recorded("user.change")) == 1


def test_the_trail_names_the_way(forger: Forger, client: Client) -> None:
    post(client, "bob@example.org")
    forger.sign_on(Client())
    ends = AuditOutcome.objects.filter(event__action="session.sign_in").order_by("pk")
    assert [end.detail for end in ends] == ["", "by single sign-on"]


def test_another_subject_with_his_email_is_another_person(forger: Forger, client: Client) -> None:
    """Addresses are given to others; subjects never are (OpenID Connect Core 5.7)."""
    forger.sign_on(Client())
    forger.says("newcomer", email="bob@example.org")
    answer = forger.sign_on(client)
    assert answer.status_code == 403
    assert TAKEN in answer.text
    assert not who(client)
    assert recorded("session.sign_in")[-1][1:] == ("bob@example.org by single sign-on", ["denied"])


def test_an_operator_unlinks(forger: Forger, as_: Callable[[str], Client], client: Client) -> None:
    before = Client()
    forger.sign_on(before)
    olga = as_("olga")
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
    assert not who(before)
    assert who(olga) == "olga@example.org"
    forger.says("newcomer", email="bob@example.org")
    forger.sign_on(client)
    assert who(client) == "bob@example.org"


def test_a_subject_means_nothing_with_another_issuer(
    forger: Forger, client: Client, settings: Any, world: World
) -> None:
    """Two providers may both have a number 7."""
    SocialAccount.objects.create(
        user=world.person("alice"), provider="https://old.example.org", uid="7"
    )
    forger.says("7", email="bob@example.org")
    forger.sign_on(client)
    assert who(client) == "bob@example.org"


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
def test_the_word_for_an_email_is_for_that_email(
    forger: Forger, client: Client, token: dict[str, Any], person: dict[str, Any]
) -> None:
    forger.token = token
    forger.says("bob", **person)
    forger.sign_on(client)
    assert who(client) != "bob@example.org"


def test_the_word_of_the_token_is_enough(forger: Forger, client: Client) -> None:
    """Amazon Cognito writes “true” beside it."""
    forger.token = {"email": "bob@example.org", "email_verified": True}
    forger.says("bob", email_verified="true")
    forger.sign_on(client)
    assert who(client) == "bob@example.org"


@pytest.mark.parametrize(("word", "counts"), [(True, True), ("1", True), (0, False)])
def test_the_word_of_entra_id(forger: Forger, client: Client, word: object, counts: bool) -> None:
    """It has no `email_verified`, and this for it, where an administrator asks for it."""
    forger.token = {"email": "bob@example.org", "xms_edov": word}
    forger.person = {"sub": "bob", "email": "bob@example.org"}
    forger.sign_on(client)
    assert (who(client) == "bob@example.org") is counts


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
def test_a_number_that_is_none(forger: Forger, client: Client, number: str) -> None:
    """Python reads them, PostgreSQL does not."""
    said = json.dumps(forger.person | {"auth_time": 7})
    forger.answers["/me"] = (200, said.replace("7", number))
    assert forger.sign_on(client).status_code == 302
    assert "auth_time" not in str(SocialAccount.objects.values_list("extra_data"))


def test_letters_that_become_others_letters(forger: Forger, client: Client, world: World) -> None:
    world.person("mike")
    forger.says("thief", email="mi\N{KELVIN SIGN}e@example.org")
    answer = forger.sign_on(client)
    assert "Ask an operator to add you." in answer.text
    forger.says("mike", email="MIKE@Example.org")
    forger.sign_on(client)
    assert who(client) == "mike@example.org"


def test_an_account_for_the_address_that_is_verified(
    forger: Forger, client: Client, settings: Any
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    Group.objects.create(name="web")
    forger.token = {"email": "Zoe@example.org", "email_verified": True}
    forger.says("zoe", email="mia@example.org", email_verified=False, groups=["web", "\0", "x\n"])
    forger.sign_on(client)
    assert who(client) == "zoe@example.org"


def test_an_account_has_one_address(forger: Forger, client: Client, settings: Any) -> None:
    """With a second one an old address would go on opening it."""
    settings.OIDC_GROUPS = groups_mapping("*")
    Group.objects.create(name="web")
    forger.says("zoe", groups=["web"])
    forger.sign_on(client)
    assert who(client) == "zoe@example.org"
    assert not EmailAddress.objects.exists()
    assert [said for _, said, _ in recorded("user.change")] == [
        "zoe@example.org: added by single sign-on",
        "zoe@example.org: linked to single sign-on",
    ]


def test_however_many_groups(forger: Forger, client: Client, settings: Any, bob: User) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    web = Group.objects.create(name="web")
    forger.person["groups"] = [f"group {number}" for number in range(2_000)] + ["web"]
    forger.sign_on(client)
    assert list(bob.groups.all()) == [web]


def test_groups_come_through_a_second_factor(
    forger: Forger, client: Client, settings: Any, bob: User
) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    group = Group.objects.create(name="web")
    forger.person["groups"] = ["web"]
    browser = Client()
    post(browser, "bob@example.org")
    secret = set_up(browser)
    assert forger.sign_on(client)["Location"] == CODE
    assert not bob.groups.exists()
    client.post(CODE, {"code": code_of(secret)})
    assert list(bob.groups.all()) == [group]
    assert client.get(FACTORS).status_code == 302  # there is one; and nobody is asked again
    assert client.get("/accounts/second-factor/app/remove/").status_code == 200


@pytest.mark.parametrize(
    ("told", "asked_again"),
    [
        (lambda: {}, True),
        (lambda: {"auth_time": 0}, True),
        (lambda: {"auth_time": time.time()}, False),
    ],
    ids=["nothing", "long ago", "now"],
)
def test_a_sign_in_that_asked_nobody_confirms_nothing(
    forger: Forger, client: Client, told: Callable[[], dict[str, float]], asked_again: bool
) -> None:
    """A provider that knows the browser lets anybody through who sits before it."""
    forger.token = told()
    forger.sign_on(client)
    assert (client.get(FACTORS).status_code == 302) is asked_again


def test_confirming(forger: Forger, client: Client) -> None:
    forger.sign_on(client)
    there = client.get(f"/accounts/reauthenticate/?next={SESSIONS}")
    assert there.status_code == 200  # a password does it too
    assert "Use single sign-on" in there.text
    asked = client.get(START, {"next": FACTORS})
    assert "prompt=login" in asked["Location"]
    assert "max_age=0" in asked["Location"]
    assert client.get(forger.leads_back(asked))["Location"] == FACTORS
    assert client.get(FACTORS).status_code == 200


def test_a_confirmation_for_which_nobody_was_asked(forger: Forger, client: Client) -> None:
    """Else the page and the provider would send the browser to and fro."""
    forger.sign_on(client)
    forger.token = {"auth_time": time.time() - 3600}
    answer = forger.sign_on(client)
    assert answer.status_code == 403
    assert "The provider did not ask you to sign in" in answer.text
    assert who(client) == "bob@example.org"


def test_whoever_sits_there_changes_the_question(
    forger: Forger, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """To ask again is a wish in his address line: the token alone tells that it was done."""
    forger.sign_on(client)
    asked = client.get(START)["Location"]
    less = asked.replace("max_age=0", "x=0").replace("prompt=login", "y=0")
    forger.person["auth_time"] = time.time()  # nobody signed that
    assert client.get(forger.leads_back({"Location": less})).status_code == 403
    assert "does not say when the provider asked (auth_time)" in caplog.text
    assert client.get(FACTORS).status_code == 302
    assert who(client) == "bob@example.org"


def test_a_provider_that_tells_no_time_can_be_believed(
    forger: Forger, client: Client, settings: Any
) -> None:
    settings.OIDC_TRUST_PROMPT = True
    forger.token = {"auth_time": None}
    forger.sign_on(client)
    assert client.get(FACTORS).status_code == 302
    forger.sign_on(client)
    assert client.get(FACTORS).status_code == 200


def test_a_confirmation_by_somebody_else(forger: Forger, client: Client, world: World) -> None:
    forger.sign_on(client)
    world.person("mia")
    forger.says("mia")
    answer = forger.sign_on(client)
    assert answer.status_code == 403
    assert "as a different user" in answer.text
    assert who(client) == "bob@example.org"


def test_who_signed_in_before_passwords_went_confirms_there(
    forger: Forger, client: Client, settings: Any
) -> None:
    post(client, "bob@example.org")
    settings.PASSWORD_SIGN_IN = False
    answer = client.get(f"/accounts/reauthenticate/?next={FACTORS}")
    assert answer.status_code == 302
    asked = client.get(answer["Location"])
    assert client.get(forger.leads_back(asked))["Location"] == FACTORS


def test_accounts_are_noted_under_the_issuer() -> None:
    provider = openid_provider(
        issuer="https://login.example.org", name="x", client_id="x", secret=SECRET, scope="openid"
    )
    [app] = provider["openid_connect"]["APPS"]
    assert app["provider_id"] == "https://login.example.org"


def test_who_has_to_set_up_a_second_factor_can_confirm_first(
    forger: Forger, client: Client, settings: Any, bob: User
) -> None:
    """Nobody has asked him yet who he is, and he has no password here."""
    settings.REQUIRE_MFA = "all"
    bob.set_unusable_password()
    bob.save()
    forger.sign_on(client)
    assert client.get("/")["Location"] == "/accounts/second-factor/"
    asked = client.get(client.get(FACTORS)["Location"])
    assert "prompt=login" in asked["Location"]
    assert client.get(forger.leads_back(asked))["Location"] == FACTORS
    assert client.get(FACTORS).status_code == 200
