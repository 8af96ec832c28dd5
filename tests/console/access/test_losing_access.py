"""Losing a role or being disabled takes effect with the next request (guarantee 16)."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from console.catalog import services
from console.members import services as members
from console.models import Member, User
from secrets_app.models import Secret
from tests.fixtures.people import World

REVEAL = "/apps/d1shop/hosting/secrets/{}/reveal/"


@pytest.fixture
def bob(client_for: Callable[[str], Client], secret: Secret) -> Client:
    """Return the browser of bob, who has just revealed a value."""
    client = client_for("bob")
    assert client.post(REVEAL.format(secret.pk)).status_code == 200
    return client


@pytest.fixture
def member(world: World) -> Member:
    """Return bob's membership."""
    return Member.objects.get(user=world.person("bob"))


def test_it_works(bob: Client, member: Member, world: World, secret: Secret) -> None:
    members.remove_member(actor=world.actor("alice"), member=member)
    assert bob.post(REVEAL.format(secret.pk)).status_code == 404
    assert bob.get("/apps/d1shop/").status_code == 404
    assert bob.get("/").context["apps"] == []


def test_lower_role(bob: Client, world: World, secret: Secret) -> None:
    members.set_member(
        actor=world.actor("alice"), app=world.app, principal=world.person("bob"), role="viewer"
    )
    assert bob.post(REVEAL.format(secret.pk)).status_code == 403
    assert bob.get("/apps/d1shop/").status_code == 200


def test_branch_becomes_protected(bob: Client, world: World, secret: Secret) -> None:
    services.change_branch(
        actor=world.actor("alice"), app_id="d1shop", pk=world.dev.pk, fields={"protected": True}
    )
    assert bob.post(REVEAL.format(secret.pk)).status_code == 403


def test_disabled(bob: Client, world: World, secret: Secret) -> None:
    User.objects.filter(pk=world.person("bob").pk).update(is_active=False)
    response = bob.post(REVEAL.format(secret.pk))
    assert (response.status_code, response["Location"].partition("?")[0]) == (
        302,
        "/accounts/login/",
    )


def test_disabled_in_the_admin(
    bob: Client, client_for: Callable[[str], Client], world: World, secret: Secret
) -> None:
    person = world.person("bob")
    url = f"/admin/console/user/{person.pk}/change/"
    assert (
        client_for("olga").post(url, {"email": person.email}).status_code == 302
    )  # active is not selected
    assert bob.post(REVEAL.format(secret.pk)).status_code == 302
    assert bob.get("/apps/d1shop/").status_code == 302


def test_new_password_ends_every_session(
    bob: Client, client_for: Callable[[str], Client], world: World, secret: Secret
) -> None:
    page = client_for("olga").post(f"/admin/console/user/{world.person('bob').pk}/password/")
    [link] = set(re.findall(r"/accounts/link/\S+?/", page.text))
    assert bob.post(REVEAL.format(secret.pk)).status_code == 404  # suspended
    new = {"password1": "another long one", "password2": "another long one"}
    assert Client().post(link, new).status_code == 302
    assert bob.post(REVEAL.format(secret.pk)).status_code == 302


def test_operator_rights_removed(client_for: Callable[[str], Client], world: World) -> None:
    olga = client_for("olga")
    assert olga.get("/admin/").status_code == 200
    User.objects.filter(pk=world.person("olga").pk).update(is_superuser=False)
    assert olga.get("/admin/").status_code == 302
    assert olga.get("/apps/new/").status_code == 403
