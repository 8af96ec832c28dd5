"""Invitations with single sign-on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Invitation, User
from tests.console.auth.single_sign_on.test_single_sign_on import sign_on
from tests.factories import role_of
from tests.fixtures.people import World
from tests.fixtures.provider import Provider

pytestmark = pytest.mark.django_db
MEMBERS = "/apps/d1shop/settings/members/"
NORA = "nora@example.org"
GOOD = {"password1": "long enough 1", "password2": "long enough 1"}


@pytest.fixture
def link(alice: Client, settings: Any, single_sign_on: Provider) -> str:
    """Return the path of an invitation for nora, who has an account at the provider."""
    single_sign_on.set_user("nora", email=NORA, email_verified=True)
    response = alice.post(f"{MEMBERS}invite/", {"email": NORA, "role": "developer"})
    return str(response.context["link"]).partition("testserver")[2]


def test_it_works(link: str, single_sign_on: Provider, client: Client, world: World) -> None:
    page = client.get(link)
    assert "password1" not in page.text
    joining = sign_on(single_sign_on, client, "nora", link)
    assert joining["Location"] == link
    assert client.post(link)["Location"] == "/apps/d1shop/"
    assert role_of(world, "nora") == "developer"
    assert not User.objects.get(email=NORA).has_usable_password()


def test_link_alone_creates_no_account(link: str, client: Client) -> None:
    """Otherwise the inviter would know the password of the account that nora signs on to."""
    response = client.post(link, GOOD)
    assert response.status_code == 403
    assert "Sign in, then join." in response.text
    assert not User.objects.filter(email=NORA).exists()


def test_mailed_link_proves_the_address(link: str, client: Client, settings: Any) -> None:
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
def test_expired_invitation(
    link: str, single_sign_on: Provider, client: Client, world: World, end: Callable[..., object]
) -> None:
    end(world)
    response = sign_on(single_sign_on, client, "nora")
    assert "Ask an operator to add you." in response.text
    assert not User.objects.filter(email=NORA).exists()


def test_unverified_address(link: str, single_sign_on: Provider, client: Client) -> None:
    single_sign_on.set_user("nora", email=NORA, email_verified=False)
    assert sign_on(single_sign_on, client, "nora", link).status_code == 403
    assert not User.objects.filter(email=NORA).exists()
