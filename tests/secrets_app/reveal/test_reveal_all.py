"""Revealing all secrets of a branch is audited first, and is all or nothing."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from console.models import AuditEvent, Branch
from secrets_app.models import Secret
from secrets_app.reveal import reveal_all
from secrets_app.store import parameter_store
from secrets_app.store.errors import AccessDenied, NotFound
from tests.factories import (
    audit_rows,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, deny_access


def revealed(world: World, person: str, branch: Branch | None = None) -> dict[str, str]:
    """Reveal all secrets of a scope as one person; return the values by key."""
    found = reveal_all(actor=world.actor(person), app_id=world.app.app_id, branch=branch)
    return {key: value.reveal() for key, value in found.items()}


def reveals(world: World) -> list[tuple[object, ...]]:
    """Return the audited reveals: person, key, outcome and version."""
    return [
        (person, key, end, after)
        for person, _, key, _, end, after in audit_rows(world, "secret.reveal")
    ]


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, store_calls: StoreCalls) -> None:
    for number in range(11):
        set_secret(world, f"KEY_{number:02}", f"for all {number}")
    set_secret(world, "KEY_00", "own", world.dev)
    save_secrets(world, set_command(secret_row(world, "KEY_01"), "changed"))
    set_secret(world, "ELSEWHERE", "of main", world.main)
    reads = store_calls("read")
    values = revealed(world, "alice", world.dev)
    assert values == {
        "KEY_00": "own",
        "KEY_01": "changed",
        **{f"KEY_{number:02}": f"for all {number}" for number in range(2, 11)},
    }
    assert store_calls("read") - reads <= 2
    assert reveals(world) == [
        ("alice", key, "succeeded", 2 if key == "KEY_01" else 1) for key in sorted(values)
    ]
    assert (
        AuditEvent.objects.filter(action="secret.reveal")
        .values("change_set")
        .order_by("change_set")
        .distinct()
        .count()
        == 1
    )


def test_the_permission_is_needed_in_every_scope_read(world: World) -> None:
    set_secret(world, "OWN", branch=world.dev)
    assert revealed(world, "bob", world.dev) == {"OWN": "first"}
    set_secret(world, "SHARED")
    with pytest.raises(PermissionDenied):
        revealed(world, "bob", world.dev)
    assert [entry[2] for entry in reveals(world)] == ["succeeded", "denied", "denied"]


@pytest.mark.parametrize("person", ["charlie", "ivan", "olga"])
def test_outsiders(world: World, person: str) -> None:
    set_secret(world, "KEY")
    with pytest.raises(Http404):
        revealed(world, person)
    assert reveals(world) == []


def test_the_store_denies_access(world: World, interrupted: InterruptedStore) -> None:
    set_secret(world, "A")
    set_secret(world, "B")
    interrupted.before("read", deny_access)
    with pytest.raises(AccessDenied):
        revealed(world, "alice")
    assert reveals(world) == [("alice", "A", "failed", None), ("alice", "B", "failed", None)]


def test_a_missing_secret_is_named(world: World) -> None:
    set_secret(world, "A")
    set_secret(world, "GONE")
    parameter_store().remove([secret_paths(world, "GONE")[0]])
    with pytest.raises(NotFound, match="The secret GONE is no longer"):
        revealed(world, "alice")
    assert {entry[2] for entry in reveals(world)} == {"failed"}


def test_a_secret_removed_outside_is_left_out(world: World) -> None:
    reconciled_secret(world, "KEY", world.dev)
    set_secret(world, "KEY", "for all")
    parameter_store().remove(secret_paths(world, "KEY", world.dev))
    reconcile_now(world)
    assert Secret.objects.filter(branch=world.dev).exists()
    assert revealed(world, "alice", world.dev) == {"KEY": "for all"}


def test_no_secrets(world: World) -> None:
    assert revealed(world, "alice") == {}
    assert reveals(world) == []
