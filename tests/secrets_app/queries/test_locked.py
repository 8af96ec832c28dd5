"""A locked row says once why it is locked, and whom to ask."""

from collections.abc import Callable

import pytest
from django.test import Client

from console.models import Member
from secrets_app.models import Secret
from tests.factories import set_role, set_secret, set_variable
from tests.fixtures.people import World

pytestmark = pytest.mark.exhaustive_on_postgres

LIST = "/apps/d1shop/hosting/secrets/"
VARIABLES = "/apps/d1shop/hosting/environment-variables/manage/"
PAGES = [LIST, f"{LIST}manage/", VARIABLES]
WHY = "main is protected. Ask alice@example.org."


@pytest.fixture(autouse=True)
def values(world: World) -> Secret:
    """Create a secret and a variable on main and on dev; return the secret on main."""
    world.person("alice")
    for branch in (world.dev, world.main):
        secret = set_secret(world, "KEY", "v", branch)
        set_variable(world, "URL", "v", branch)
    return secret


@pytest.mark.parametrize("page", PAGES)
def test_it_works(client_for: Callable[[str], Client], page: str) -> None:
    assert client_for("bob").get(page).text.count(WHY) == 1  # the row on dev is not locked
    assert "is protected. Ask" not in client_for("mia").get(page).text


def test_page_of_a_secret(client_for: Callable[[str], Client], values: Secret) -> None:
    shown = client_for("bob").get(f"{LIST}{values.pk}/").text
    assert shown.count(WHY) == 1
    assert "Reveal</button>" not in shown


@pytest.mark.parametrize("page", PAGES)
def test_viewer(client_for: Callable[[str], Client], page: str) -> None:
    assert client_for("vera").get(page).text.count("Your role is read-only. Ask alice") == 2


@pytest.mark.parametrize("page", PAGES)
def test_role_on_other_branches(
    client_for: Callable[[str], Client], world: World, page: str
) -> None:
    set_role(world, "mia", "maintainer", "release/*")
    shown = client_for("mia").get(page).text
    for name in ("main", "dev"):
        assert shown.count(f"Your role does not cover {name}. Ask alice@example.org.") == 1


def test_many_owners(client_for: Callable[[str], Client], world: World) -> None:
    for name in ("charlie", "oscar"):
        Member.objects.create(app=world.app, user=world.person(name), role="owner")
    assert "main is protected. Ask an owner of the app." in client_for("bob").get(LIST).text
