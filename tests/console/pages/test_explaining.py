"""The page "Why this value?", the card on a value's own page, and what leads to them."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEvent
from secrets_app.models import Revalidation
from tests.factories import (
    create_branch,
    reconcile_now,
    remove_variable,
    set_secret,
    set_variable,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

SECRETS = "/apps/d1shop/hosting/secrets/"
VARIABLES = "/apps/d1shop/hosting/environment-variables/"
VALUE = "the value itself"


def test_it_works(client_for: Callable[[str], Client], world: World) -> None:
    shared = set_secret(world, "API_KEY", VALUE)
    own = set_secret(world, "API_KEY", VALUE, world.main, by="mia")
    reconcile_now(world)
    vera = client_for("vera")
    page = vera.get(f"{SECRETS}{own.pk}/why/")
    text = page.content.decode()
    assert "main has its own value, version 1." in text
    assert "mia@example.org saved it." in text
    assert "What a build on main has in <code>$secrets</code>" in text
    assert VALUE not in text
    inherited = vera.get(f"{SECRETS}{shared.pk}/why/?on={world.dev.pk}").content.decode()
    assert "dev inherits the value for All branches, version 1." in inherited


def test_reads_nothing_and_records_nothing(
    client_for: Callable[[str], Client], world: World, store_calls: StoreCalls
) -> None:
    own = set_secret(world, "API_KEY", VALUE, world.main)
    vera = client_for("vera")
    vera.get(f"{SECRETS}{own.pk}/why/")
    events = AuditEvent.objects.count()
    store_calls.clear()
    vera.get(f"{SECRETS}{own.pk}/why/")
    assert store_calls() == 0
    assert AuditEvent.objects.count() == events


def test_age(client_for: Callable[[str], Client], world: World) -> None:
    own = set_secret(world, "API_KEY", VALUE, world.main)
    page = f"{SECRETS}{own.pk}/why/"
    vera = client_for("vera")
    assert "has not read the parameter store yet" in vera.get(page).content.decode()
    reconcile_now(world)
    assert "last read the parameter store." in vera.get(page).content.decode()
    Revalidation.objects.update(problem="The parameter store refuses.")
    text = vera.get(page).content.decode()
    assert "The parameter store unreachable." in text
    assert "As of" in text


def test_the_card_on_the_page_of_a_value(client_for: Callable[[str], Client], world: World) -> None:
    secret = set_secret(world, "API_KEY", VALUE, world.main)
    variable = set_variable(world, "API_URL", branch=world.main)
    vera = client_for("vera")
    for page in (f"{SECRETS}{secret.pk}/", f"{VARIABLES}{variable.pk}/"):
        text = vera.get(page).content.decode()
        assert "Why this value?" in text
        assert f'href="{page}why/"' in text
        fragment = vera.get(page, headers={"HX-Request": "true"}).content.decode()
        assert "Why this value?" not in fragment


def test_links_from_lists_and_compare(client_for: Callable[[str], Client], world: World) -> None:
    """The scripts put the addresses together (tests/browser/lists/test_explaining.py)."""
    secret = set_secret(world, "API_KEY", VALUE, world.main)
    alice = client_for("alice")
    assert 'data-to="why/"' in alice.get(SECRETS).content.decode()
    assert 'id="why"' in alice.get("/apps/d1shop/compare/").content.decode()
    add = alice.get(f"{SECRETS}{secret.pk}/edit/?on={world.dev.pk}").content.decode()
    assert f'href="{SECRETS}{secret.pk}/why/?on={world.dev.pk}"' in add


def test_missing(client_for: Callable[[str], Client], world: World) -> None:
    secret = set_secret(world, "API_KEY", VALUE, world.main)
    text = client_for("vera").get(f"{SECRETS}{secret.pk}/why/?on={world.dev.pk}").content.decode()
    assert "dev has no value." in text
    assert f'<a href="?on={world.main.pk}">main</a>' in text


def test_deleted_branch(client_for: Callable[[str], Client], world: World) -> None:
    secret = set_secret(world, "API_KEY", VALUE, world.dev)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    text = client_for("vera").get(f"{SECRETS}{secret.pk}/why/").content.decode()
    assert "dev was deleted" in text
    assert "dev has its own value, version 1." in text


def test_removed_variable(client_for: Callable[[str], Client], world: World) -> None:
    variable = set_variable(world, "API_URL", branch=world.dev)
    remove_variable(world, variable, by="bob")
    vera = client_for("vera")
    assert "Why this value?" not in vera.get(f"{VARIABLES}{variable.pk}/").content.decode()
    text = vera.get(f"{VARIABLES}{variable.pk}/why/").content.decode()
    assert "dev has no value." in text
    assert "bob@example.org removed the value of dev." in text


def test_branch_name_is_escaped(client_for: Callable[[str], Client], world: World) -> None:
    branch = create_branch(world, "<b>`x`</b>")
    secret = set_secret(world, "API_KEY", VALUE, branch)
    text = client_for("vera").get(f"{SECRETS}{secret.pk}/why/").content.decode()
    assert "<b>" not in text


@pytest.mark.parametrize("on", ["x", "0", "99999999999999999999", "-1"])
def test_unknown_branch(client_for: Callable[[str], Client], world: World, on: str) -> None:
    secret = set_secret(world, "API_KEY", VALUE)
    assert client_for("vera").get(f"{SECRETS}{secret.pk}/why/?on={on}").status_code == 404


def test_branch_of_another_app(client_for: Callable[[str], Client], world: World) -> None:
    secret = set_secret(world, "API_KEY", VALUE)
    page = f"{SECRETS}{secret.pk}/why/?on={world.other_branch.pk}"
    assert client_for("vera").get(page).status_code == 404
