"""Deciding about what changed outside Branchkeep (guarantee 13)."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.test import Client

from console.models import AuditEvent
from secrets_app.drift.decisions import FROM_BIN
from secrets_app.drift.plan import NEVER_OURS, Change, PutBack
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, Rejected
from secrets_app.sync import worker
from tests.factories import (
    audit_rows,
    delete_secret,
    reconcile_now,
    repair_secret_mirror,
    secret_paths,
    secret_row,
    set_secret,
    stored_values,
    write_outside,
)
from tests.factories.drift import (
    KEY,
    change_outside,
    drifts,
    ignore,
    ours,
    put_back,
    remove_outside,
    take,
)
from tests.fixtures.people import World
from tests.secrets_app.orphans.test_orphans import MOVE
from tests.secrets_app.orphans.test_orphans import found as found_orphans

pytestmark = pytest.mark.django_db
LONG = 600  # seconds: more than clocks differ


def test_it_works(world: World, clock: time_machine.Traveller) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    clock.shift(LONG)
    [found] = drifts(world)
    take(world, found)
    assert audit_rows(world, "drift.") == [("mia", "drift.take", KEY, 1, "succeeded", 2)]
    assert drifts(world) == drifts(world, ignored=True) == []
    worker.run_once()  # the mirror still held what we wrote
    assert stored_values(world, KEY, world.main) == ("theirs", "theirs")
    change_outside(world, world.main, "theirs, too")
    [found] = drifts(world)
    assert found.before == 2  # what was taken is ours now
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("theirs", "theirs")


def test_ignore(world: World) -> None:
    ours(world, world.dev, "one")
    change_outside(world, world.dev)
    ignore(world, drifts(world)[0], by="bob")
    assert audit_rows(world, "drift.") == [("bob", "drift.ignore", KEY, 1, "succeeded", 2)]
    assert (drifts(world), [it.before for it in drifts(world, ignored=True)]) == ([], [1])
    reconcile_now(world)
    assert drifts(world) == []
    change_outside(world, world.dev, "theirs, too")
    assert drifts(world, ignored=True) == []
    [found] = drifts(world)
    assert (found.before, found.times) == (1, 2)
    put_back(world, found, by="bob")
    assert stored_values(world, KEY, world.dev) == ("one", "one")


def test_added(world: World) -> None:
    ours(world, world.dev, "one")
    write_outside(secret_paths(world, "ADDED", world.main)[0])
    reconcile_now(world)
    [found] = drifts(world)
    assert (found.change, found.put_back, found.before) == (Change.ADDED, PutBack.REMOVE, 0)
    assert put_back(world, found).outcome == "removed"
    assert stored_values(world, "ADDED", world.main) == (None, None)
    assert world.app.bin_entries.get().key == "ADDED"
    assert drifts(world) == []


def test_added_without_a_recycle_bin(world: World, settings: Any) -> None:
    reconcile_now(world)
    change_outside(world, world.main)
    settings.BIN_DAYS = 0
    [found] = drifts(world)
    assert found.put_back is None
    with pytest.raises(Rejected, match="There is no recycle bin"):
        put_back(world, found)
    assert stored_values(world, KEY, world.main)[0] == "theirs"


def test_removed_except_for_the_mirror(world: World) -> None:
    ours(world, world.main, "one")
    remove_outside(world, secret_paths(world, KEY, world.main)[0])
    [found] = drifts(world)
    assert (found.change, found.put_back, found.before) == (Change.REMOVED, PutBack.MIRROR, 1)
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("one", "one")
    assert drifts(world) == []
    reconcile_now(world)
    assert drifts(world) == []


def test_removed(world: World) -> None:
    ours(world, world.main, "one")
    remove_outside(world, *secret_paths(world, KEY, world.main))
    [found] = drifts(world)
    assert (found.change, found.put_back) == (Change.REMOVED, None)
    with pytest.raises(Rejected, match="keeps nothing of a removed parameter"):
        put_back(world, found)
    assert take(world, found).outcome == "removed"
    assert not Secret.objects.exists()
    assert drifts(world) == []


def test_taking_a_removal_keeps_the_mirror_in_the_recycle_bin(world: World) -> None:
    ours(world, world.main, "one")
    remove_outside(world, secret_paths(world, KEY, world.main)[0])
    [found] = drifts(world)
    take(world, found)
    assert stored_values(world, KEY, world.main) == (None, None)
    assert world.app.bin_entries.count() == 1


def test_removed_with_a_copy_in_the_recycle_bin(world: World) -> None:
    ours(world, world.main, "kept")
    delete_secret(world, KEY, world.main)
    ours(world, world.main, "lost")
    remove_outside(world, *secret_paths(world, KEY, world.main))
    [found] = drifts(world)
    assert found.put_back is PutBack.BIN
    assert put_back(world, found).message == FROM_BIN
    assert stored_values(world, KEY, world.main) == ("kept", "kept")
    assert drifts(world) == []


def test_removed_with_an_orphan_of_its_key_in_the_recycle_bin(
    world: World, client_for: Callable[[str], Client]
) -> None:
    """What was a parameter of an unknown branch is not a secret of All branches."""
    write_outside(f"/amplify/d1shop/old/{KEY}", "of another branch")
    reconcile_now(world)
    client_for("alice").post(MOVE, {"all": found_orphans(world)[0].tokens})
    assert world.app.bin_entries.get().branch is None
    ours(world, None, "one")
    remove_outside(world, secret_paths(world, KEY)[0])
    assert [it.put_back for it in drifts(world)] == [None]


def test_added_and_removed_again(world: World) -> None:
    ours(world, world.main, "in the bin")
    delete_secret(world, KEY, world.main)
    change_outside(world, world.main)
    remove_outside(world, *secret_paths(world, KEY, world.main))
    [found] = drifts(world)
    assert (found.change, found.put_back, found.before) == (Change.REMOVED, None, 0)
    assert found.reason == NEVER_OURS
    take(world, found)
    assert drifts(world) == []


def test_removed_and_added_again(world: World) -> None:
    ours(world, world.main, "one", "two")
    remove_outside(world, *secret_paths(world, KEY, world.main))
    change_outside(world, world.main)
    [found] = drifts(world)
    assert (found.change, found.before, found.put_back) == (Change.CHANGED, 2, None)
    with pytest.raises(Rejected, match="no longer has the earlier version"):
        put_back(world, found)
    take(world, found)
    assert drifts(world) == []


def test_removed_and_added_with_more_versions(world: World, clock: time_machine.Traveller) -> None:
    ours(world, world.main, "one")
    clock.shift(LONG)
    primary, _ = secret_paths(world, KEY, world.main)
    parameter_store().remove([primary])
    for value in ("theirs", "theirs, too"):
        write_outside(primary, value)
    reconcile_now(world)
    [found] = drifts(world)
    assert (found.before, found.secret.version) == (1, 2)
    with pytest.raises(Conflict, match="version 1 may be another one"):  # it is theirs
        put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("theirs, too", "one")
    assert audit_rows(world)[-1].outcome == "failed"


def test_removed_except_for_a_mirror_that_is_not_ours(
    world: World, clock: time_machine.Traveller
) -> None:
    ours(world, world.main, "one")
    clock.shift(LONG)
    primary, mirror = secret_paths(world, KEY, world.main)
    write_outside(mirror)
    remove_outside(world, primary)
    [found] = drifts(world)
    assert (found.change, found.put_back) == (Change.REMOVED, None)
    with pytest.raises(Rejected, match="Its mirror changed outside Branchkeep, too"):
        put_back(world, found)


def test_mirror_that_was_removed_and_added_again_since(
    world: World, clock: time_machine.Traveller
) -> None:
    """It has the version of ours again."""
    ours(world, world.main, "one")
    clock.shift(LONG)
    primary, mirror = secret_paths(world, KEY, world.main)
    remove_outside(world, primary)
    [found] = drifts(world)
    parameter_store().remove([mirror])
    write_outside(mirror, "theirs")
    with pytest.raises(Conflict, match="changed after you opened the page"):
        put_back(world, found)
    assert stored_values(world, KEY, world.main) == (None, "theirs")


def test_mirror_that_was_removed_and_added_again_before_the_background(
    world: World, clock: time_machine.Traveller
) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main, "new")
    take(world, drifts(world)[0])
    clock.shift(LONG)
    mirror = secret_paths(world, KEY, world.main)[1]
    parameter_store().remove([mirror])
    write_outside(mirror, "theirs")
    worker.run_once()
    assert stored_values(world, KEY, world.main) == ("new", "theirs")


def test_mirror(world: World) -> None:
    ours(world, world.main, "one")
    write_outside(secret_paths(world, KEY, world.main)[1])
    reconcile_now(world)
    [found] = drifts(world)
    assert (found.change, found.put_back) == (Change.MIRROR, PutBack.MIRROR)
    with pytest.raises(Rejected, match="The backend path decides"):
        take(world, found)
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("one", "one")
    assert drifts(world) == []


def test_repaired_mirror_of_a_secret_that_was_there_before(
    world: World, client_for: Callable[[str], Client]
) -> None:
    primary, mirror = secret_paths(world, KEY, world.main)
    write_outside(primary)
    write_outside(mirror)
    reconcile_now(world)
    write_outside(mirror)
    reconcile_now(world)
    assert [it.change for it in drifts(world)] == [Change.MIRROR]
    repair_secret_mirror(world, secret_row(world, KEY, world.main))
    page = client_for("vera").get("/apps/d1shop/hosting/secrets/drift/")
    assert (page.context["open"], page.context["rows"]) == (0, [])


def test_repaired_mirror_decides_nothing_about_the_secret(world: World) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    repair_secret_mirror(world, secret_row(world, KEY, world.main))
    [found] = drifts(world)
    assert (found.change, found.before) == (Change.CHANGED, 1)


def test_what_there_was_before_is_no_drift(world: World) -> None:
    write_outside(secret_paths(world, KEY)[0])
    reconcile_now(world)
    assert drifts(world) == []
    change_outside(world, None)
    [found] = drifts(world)
    assert (found.change, found.before) == (Change.CHANGED, 1)
    put_back(world, found)
    assert stored_values(world, KEY) == ("from outside", None)


def test_saved_since(world: World) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    set_secret(world, KEY, "two", world.main)
    assert drifts(world) == []
    change_outside(world, world.main)
    [found] = drifts(world)
    assert (found.before, found.times) == (3, 1)


@pytest.mark.parametrize("act", [put_back, take, ignore])
def test_changed_after_the_page_was_opened(world: World, act: Callable[..., Any]) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    [found] = drifts(world)
    change_outside(world, world.main, "theirs, too")
    with pytest.raises(Conflict):
        act(world, found)
    assert stored_values(world, KEY, world.main)[0] == "theirs, too"
    assert [it.times for it in drifts(world)] == [2]


def test_changed_before_the_next_check(world: World) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    [found] = drifts(world)
    write_outside(secret_paths(world, KEY, world.main)[0], "theirs, too")
    assert put_back(world, found).outcome == "conflict"
    assert stored_values(world, KEY, world.main)[0] == "theirs, too"


@pytest.mark.parametrize("act", [put_back, take, ignore])
def test_without_permission(world: World, act: Callable[..., Any]) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    [found] = drifts(world)
    with pytest.raises(PermissionDenied):
        act(world, found, by="bob")  # main is protected
    [refused] = AuditEvent.objects.filter(outcomes__outcome="denied")
    assert refused.subject == KEY
    assert [it.state for it in drifts(world)] == [found.state]
