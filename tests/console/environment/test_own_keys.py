"""What each scope has itself, from every source."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import resolve

from console.environment.keys import OwnKey
from console.environment.sources import sources
from tests.factories import (
    access_of,
    connect,
    reconcile_now,
    secret_paths,
    secret_row,
    set_secret,
    set_variable,
    variable_row,
    write_outside,
)
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases


def own_keys(world: World, noun: str) -> list[OwnKey]:
    """Return what the source of this noun has."""
    [source] = [it for it in sources() if it.noun == noun]
    return list(source.own_keys(access_of(world, "vera")))


def test_it_works(world: World, django_assert_num_queries: Callable[..., Any]) -> None:
    set_secret(world, "B_KEY", "value")
    set_secret(world, "A_KEY", "value", world.dev)
    set_variable(world, "API_URL", "https://example.org", world.main)
    access = access_of(world, "vera")
    with django_assert_num_queries(2):
        found = {source.noun: source.own_keys(access) for source in sources()}
    alice = world.person("alice").email
    assert [(it.key, it.branch_id, it.is_pending, it.changed_by) for it in found["secret"]] == [
        ("A_KEY", world.dev.pk, False, alice),
        ("B_KEY", None, False, alice),
    ]
    [variable] = found["variable"]
    assert (variable.key, variable.branch_id, variable.changed_by) == (
        "API_URL",
        world.main.pk,
        alice,
    )
    assert variable.changed_at == variable_row(world, "API_URL", world.main).changed_at


def test_pages(world: World, client_for: Callable[..., Any]) -> None:
    set_secret(world, "A_KEY", "value")
    set_variable(world, "API_URL", "https://example.org")
    access = access_of(world, "vera")
    for source in sources():
        [row] = source.own_keys(access)
        url = source.url(access, row.pk)
        assert resolve(url).kwargs["pk"] == row.pk
        assert client_for("vera").get(url).status_code == 200


def test_changed_outside(world: World) -> None:
    set_secret(world, "A_KEY", "value")
    write_outside(secret_paths(world, "A_KEY")[0])
    reconcile_now(world)
    [row] = own_keys(world, "secret")
    assert row.changed_by == ""


def test_only_the_mirror_is_left(world: World) -> None:
    set_secret(world, "A_KEY", "value", world.dev)
    row = secret_row(world, "A_KEY", world.dev)
    row.version = 0
    row.save(update_fields=["version"])
    assert own_keys(world, "secret") == []


@pytest.mark.usefixtures("console_on_amplify")
def test_waiting_for_amplify(world: World, amplify: AmplifyServer) -> None:
    connect(world, amplify)
    set_variable(world, "API_URL", "https://example.org")
    [row] = own_keys(world, "variable")
    assert row.is_pending
