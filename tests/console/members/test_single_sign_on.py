"""Invitations where a provider says who somebody is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Invitation, User
from tests.console.auth.test_single_sign_on import sign_on
from tests.console.members.conftest import MEMBERS, Team
from tests.fixtures.people import World
from tests.fixtures.provider import Provider

pytestmark = pytest.mark.django_db
NORA = "nora@example.org"
GOOD = {"password1": "long enough 1", "password2": "long enough 1"}


@pytest.fixture
def link(alice: Client, settings: Any, single_sign_on: Provider) -> str:
    """Return the path of an invitation for nora, whom the provider knows."""
    single_sign_on.knows("nora", email=NORA, email_verified=True)
    answer = alice.post(f"{MEMBERS}invite/", {"email": NORA, "role": "developer"})
    return str(answer.context["link"]).partition("testserver")[2]


def test_it_works(link: str, single_sign_on: Provider, client: Client, team: Team) -> None:
    page = client.get(link)
    assert "password1" not in page.text
    joining = sign_on(single_sign_on, client, "nora", link)
    assert joining["Location"] == link
    assert client.post(link)["Location"] == "/apps/d1shop/"
    assert team.role_of("nora") == "developer"
    assert not User.objects.get(email=NORA).has_usable_password()


def test_no_account_in_anothers_name(link: str, client: Client) -> None:
    """Else the inviter would know the password of the account that nora signs on to."""
    answer = client.post(link, GOOD)
    assert answer.status_code == 403
    assert "Sign in, then join." in answer.text
    assert not User.objects.filter(email=NORA).exists()


def test_a_mail_proves_the_address(link: str, client: Client, settings: Any) -> None:
    settings.MAIL = True
    assert client.post(link, GOOD).status_code == 302
    assert User.objects.get(email=NORA).check_password("long enough 1")


@pytest.mark.parametrize(
    "end",
    [
        lambda _: Invitation.objects.all().delete(),
        lambda _: Invitation.objects.update(expires_at=timezone.now()),
        lambda world: world.app.members.all().delete(),
    ],
    ids=["withdrawn", "expired", "inviter removed"],
)
def test_an_invitation_that_is_over_lets_nobody_in(
    link: str, single_sign_on: Provider, client: Client, world: World, end: Callable[..., object]
) -> None:
    end(world)
    answer = sign_on(single_sign_on, client, "nora")
    assert "Ask an operator to add you." in answer.text
    assert not User.objects.filter(email=NORA).exists()


def test_an_address_that_is_not_verified(
    link: str, single_sign_on: Provider, client: Client
) -> None:
    single_sign_on.knows("nora", email=NORA, email_verified=False)
    assert sign_on(single_sign_on, client, "nora", link).status_code == 403
    assert not User.objects.filter(email=NORA).exists()
