"""A removed secret is restorable for BIN_DAYS, its value only in the store (guarantees 41, 51)."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from console.access.acts import ConfirmationRequired
from console.access.policy import Access, find_app
from console.lib.results import RowOutcome
from console.members.exposure import exposed_secrets, mark_rotated
from console.models import Branch
from secrets_app.history import bin_actions
from secrets_app.models import BinEntry
from secrets_app.recycle_bin import kept
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, NotFound
from secrets_app.sync import bin_upkeep
from tests.factories import (
    audit_rows,
    delete_command,
    delete_secret,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_secret,
    stored_values,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, deny_access

pytestmark = pytest.mark.django_db
BIN = "/amplify/branchkeep-bin"


def access_of(world: World, name: str = "alice") -> Access:
    return find_app(world.actor(name), "d1shop")


def in_bin(world: World) -> list[BinEntry]:
    return list(kept(world.app))


def copies() -> dict[str, str]:
    """Return the values of the copies in the store, by path."""
    paths = [found.path for found in parameter_store().list([BIN])]
    return {path: it.value.reveal() for path, it in parameter_store().read(paths).items()}


def removed(world: World, branch: Branch | None = None, value: str = "first") -> BinEntry:
    """Save and remove a secret; return what is in the recycle bin."""
    set_secret(world, "API_KEY", value, branch)
    delete_secret(world, "API_KEY", branch)
    [*_, entry] = in_bin(world)
    return entry


def restore(world: World, entry: BinEntry, by: str = "alice", **how: Any) -> RowOutcome:
    to = how.pop("to", entry.branch)
    return bin_actions.restore(access_of(world, by), entry, uuid.uuid4(), to=to, **how)


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    entry = removed(world, world.main, "to be kept")
    assert (entry.scope, entry.key, entry.version) == ("main", "API_KEY", 1)
    assert entry.removed_by.startswith("alice@")
    assert entry.expires_at == entry.removed_at + timedelta(days=30)
    assert copies() == {f"{BIN}/d1shop/{entry.copy_id}/API_KEY": "to be kept"}
    assert stored_values(world, "API_KEY", world.main) == (None, None)
    assert restore(world, entry).outcome == "saved"
    assert stored_values(world, "API_KEY", world.main) == ("to be kept", "to be kept")
    assert not copies()
    assert not BinEntry.objects.exists()
    assert [row[1:] for row in audit_rows(world, "secret.", "bin.")] == [
        ("secret.create", "API_KEY", 0, "succeeded", 1),
        ("secret.remove", "API_KEY", 1, "succeeded", None),
        ("bin.fill", "API_KEY", 1, "succeeded", 1),
        ("bin.restore", "API_KEY", 1, "succeeded", None),
        ("secret.create", "API_KEY", 0, "succeeded", 1),
    ]


def test_it_exists_again(world: World) -> None:
    entry = removed(world, value="earlier")
    row = set_secret(world, "API_KEY", "later")
    assert restore(world, entry).outcome == "conflict"
    assert in_bin(world) == [entry]
    assert restore(world, entry, base=(row.version, None)).version == 2
    assert stored_values(world, "API_KEY")[0] == "earlier"
    assert not in_bin(world)


def test_every_removal_of_a_key_is_kept(world: World) -> None:
    removed(world, value="one")
    removed(world, value="two")
    assert sorted(copies().values()) == ["one", "two"]


def test_delete_for_good(world: World) -> None:
    entry = removed(world)
    bin_actions.delete(access_of(world), entry)
    assert not copies()
    assert not BinEntry.objects.exists()
    assert [row.outcome for row in audit_rows(world, "bin.delete")] == ["succeeded"]


def test_time_is_over(world: World, clock: time_machine.Traveller) -> None:
    entry = removed(world)
    clock.shift(timedelta(days=30).total_seconds() - 60)
    assert bin_upkeep.finish_due().purged == 0
    clock.shift(120)
    with pytest.raises(Http404):
        bin_actions.find_entry(access_of(world), entry.pk)
    assert bin_upkeep.finish_due().purged == 1
    assert not copies()
    assert not BinEntry.objects.exists()
    [row] = audit_rows(world, "bin.purge")
    assert (row.actor, row.outcome) == ("Branchkeep in the background", "succeeded")


def test_no_copy_outside_the_store(world: World) -> None:
    set_secret(world, "API_KEY", "only in the store")
    parameter_store().remove(["/amplify/shared/d1shop/API_KEY"])
    delete_secret(world, "API_KEY")
    assert not copies()
    assert not BinEntry.objects.exists()


def test_copy_is_gone(world: World) -> None:
    entry = removed(world)
    parameter_store().remove(copies())
    with pytest.raises(NotFound, match="no longer in the parameter store"):
        restore(world, entry)
    assert in_bin(world) == [entry]


def test_who_may(world: World) -> None:
    entry = removed(world, world.main)
    for name in ("vera", "bob"):
        with pytest.raises(PermissionDenied):
            restore(world, entry, name)
        with pytest.raises(PermissionDenied):
            bin_actions.delete(access_of(world, name), entry)
    assert [row.outcome for row in audit_rows(world, "bin.restore", "bin.delete")] == ["denied"] * 4
    assert in_bin(world) == [entry]


def test_another_branch_asks_for_more(world: World) -> None:
    """A developer can't take a value from a protected branch to one that they can read."""
    entry = removed(world, world.main, "of production")
    with pytest.raises(PermissionDenied):
        restore(world, entry, "bob", to=world.dev)
    access = find_app(replace(world.actor("alice"), confirmed_at=0), "d1shop")
    with pytest.raises(ConfirmationRequired, match="another branch"):
        bin_actions.restore(access, entry, uuid.uuid4(), to=world.dev)
    assert restore(world, entry, to=world.dev).outcome == "saved"
    assert stored_values(world, "API_KEY", world.dev)[0] == "of production"


def test_two_at_once(world: World) -> None:
    entry = removed(world)
    BinEntry.objects.update(state="restoring")
    with pytest.raises(Conflict, match="right now"):
        restore(world, entry)


def test_only_the_mirror_is_left(world: World) -> None:
    """Its value would be lost otherwise."""
    set_secret(world, "API_KEY", "kept in the mirror", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[:1])
    reconcile_now(world)
    delete_secret(world, "API_KEY", world.main)
    [entry] = in_bin(world)
    assert entry.version == 0
    assert [*copies().values()] == ["kept in the mirror"]
    assert restore(world, entry).outcome == "saved"


def test_reconciling_never_lists_copies(world: World) -> None:
    removed(world, world.main)
    reconcile_now(world)
    assert not world.app.unknown_parameters.exists()
    assert [row for row in audit_rows(world, "found.") if row.key == "API_KEY"] == []


def test_who_knew_the_value_knows_it_again(world: World) -> None:
    """Somebody who left knows what is restored, even if it was rotated in between."""
    bob = world.person("bob")
    set_secret(world, "API_KEY", "bob's", world.dev, by="bob")
    delete_secret(world, "API_KEY", world.dev)
    [shown] = exposed_secrets(bob.pk, "d1shop")
    mark_rotated(actor=world.actor("alice"), person=bob, entries=[shown.token], app_id="d1shop")
    assert [it.is_rotated for it in exposed_secrets(bob.pk, "d1shop")] == [True]
    [entry] = in_bin(world)
    restore(world, entry)
    assert [it.is_rotated for it in exposed_secrets(bob.pk, "d1shop")] == [False]


def test_one_app_that_is_denied_holds_up_no_other(
    world: World, interrupted: InterruptedStore
) -> None:
    removed(world)
    BinEntry.objects.create(**{**_fields(in_bin(world)[0]), "app": world.other_app})
    BinEntry.objects.update(expires_at=timezone.now())
    interrupted.before("remove", deny_access)
    upkeep = bin_upkeep.finish_due()
    assert (upkeep.purged, "denied access" in upkeep.problem) == (1, True)
    assert [entry.state for entry in BinEntry.objects.all()] == ["deleting"]


def _fields(entry: BinEntry) -> dict[str, Any]:
    fields = {it.name: getattr(entry, it.name) for it in entry._meta.concrete_fields}
    return {**fields, "id": None, "copy_id": "another"}


@pytest.mark.usefixtures("console_on_ssm")
def test_calls(world: World, store_calls: StoreCalls) -> None:
    """Each row decrypts once, and writes one parameter."""
    for key in ("A", "B"):
        set_secret(world, key, branch=world.main)
    rows = [secret_row(world, key, world.main) for key in ("A", "B")]
    store_calls.clear()
    save_secrets(world, *map(delete_command, rows))
    assert store_calls.operations == ["current", *(["read", "put", "remove"] * 2)]
    assert len({entry.change_set for entry in in_bin(world)}) == 1
