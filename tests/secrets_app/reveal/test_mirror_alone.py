"""A secret of which only the mirror is left is drift, not a value (guarantee 13)."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from console.access.policy import find_app
from console.workflows.process_environment import effective_list, process_environment
from secrets_app.models import Secret
from secrets_app.reveal import reveal_all
from secrets_app.store import parameter_store
from secrets_app.store.errors import NotFound
from tests.factories import (
    audit_rows,
    listed_secret,
    listed_secrets,
    reconcile_now,
    reconciled_secret,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

pytestmark = [pytest.mark.usefixtures("either_store"), pytest.mark.exhaustive_on_postgres]


def get(key: str) -> str:
    """Return what `secret get` prints for the branch dev."""
    out = StringIO()
    words = ("secret", "get", key, "--app", "d1shop", "--branch", "dev")
    call_command(*words, "--as", "alice@example.org", stdout=out)
    return out.getvalue()


@pytest.fixture
def alone(world: World) -> Secret:
    """Return a secret of dev whose parameter at the backend path someone removed."""
    row = reconciled_secret(world, "KEY", world.dev)
    parameter_store().remove(secret_paths(world, "KEY", world.dev)[:1])
    reconcile_now(world)
    assert stored_values(world, "KEY", world.dev) == (None, "first")
    return row


@pytest.mark.usefixtures("alone")
def test_it_works(world: World) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    assert effective_list(access, world.dev) == []
    assert process_environment(access, world.dev, include_confidential=True).values == {}
    with pytest.raises(CommandError) as complaint:
        get("KEY")
    assert complaint.value.returncode == 4
    shown = listed_secret(world, "KEY", world.dev)
    assert (shown.version, shown.mirror, shown.may_reveal) == (0, "alone", False)


@pytest.mark.usefixtures("alone")
def test_the_value_for_all_branches_counts(world: World) -> None:
    set_secret(world, "KEY", "for all")
    access = find_app(world.actor("alice"), "d1shop")
    [(_, entry)] = effective_list(access, world.dev)
    assert entry.origin == "inherited"
    values = process_environment(access, world.dev, include_confidential=True).values
    assert values == {"KEY": "for all"}
    assert get("KEY").strip() == "for all"
    rows = listed_secrets(world, branch=str(world.dev.pk))
    assert {(row.branch, row.origin, row.mirror) for row in rows} == {
        ("All branches", "inherited", ""),
        ("dev", "", "alone"),
    }


def test_removed_a_moment_ago(world: World) -> None:
    set_secret(world, "KEY", "for all")
    reconciled_secret(world, "KEY", world.dev)
    parameter_store().remove(secret_paths(world, "KEY", world.dev)[:1])
    assert get("KEY").strip() == "for all"  # although the last reconcile was a moment ago


def test_reveal_reads_no_mirror(
    world: World, alone: Secret, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    client = client_for("alice")
    page = client.post(reverse("secret_reveal", args=["d1shop", alone.pk]))
    assert page.status_code == 404
    assert b"first" not in page.content
    assert b"Only the mirror of KEY is left" in page.content
    assert [entry["names"] for entry in store_calls.entries] == [1]
    detail = client.get(reverse("secret_detail", args=["d1shop", alone.pk])).content
    assert b"so this branch has no value" in detail
    assert b"/reveal/" not in detail


def test_the_activity_says_that_it_was_removed(world: World, alone: Secret) -> None:
    assert [(row.action, row.version_before) for row in audit_rows(world, "found.")] == [
        ("found.remove", 1)
    ]
    assert alone.pk == secret_row(world, "KEY", world.dev).pk


def test_only_the_mirror_was_added(world: World) -> None:
    reconcile_now(world)
    write_outside(secret_paths(world, "KEY", world.dev)[1])
    reconcile_now(world)
    access = find_app(world.actor("alice"), "d1shop")
    assert effective_list(access, world.dev) == []
    assert listed_secret(world, "KEY", world.dev).mirror == "alone"


@pytest.mark.parametrize("way", ["repair", "save"])
def test_it_has_a_value_again(world: World, alone: Secret, way: str) -> None:
    if way == "repair":
        repair_secret_mirror(world, alone)
    else:
        save_secrets(world, set_command(alone, "first", expected_version=0))
    assert stored_values(world, "KEY", world.dev) == ("first", "first")
    access = find_app(world.actor("alice"), "d1shop")
    values: Any = process_environment(access, world.dev, include_confidential=True).values
    assert values == {"KEY": "first"}


def test_all_at_once_or_nothing(world: World) -> None:
    set_secret(world, "A", branch=world.dev)
    reconciled_secret(world, "KEY", world.dev)
    parameter_store().remove(secret_paths(world, "KEY", world.dev)[:1])
    with pytest.raises(NotFound, match="The secret KEY is no longer"):
        reveal_all(actor=world.actor("alice"), app_id="d1shop", branch=world.dev)
