"""Parameters that belong to no known branch are removed as safely as secrets (guarantees 8, 9)."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from console.access.policy import find_app
from console.audit.events import Outcome
from console.environment.removal import Removal
from console.lib.results import Result
from console.models import AuditEvent, Branch
from secrets_app.models import BinEntry, UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.store.errors import Throttled
from secrets_app.sync import adopting, bin_upkeep, unknown, unknown_removal
from secrets_app.sync.folders import Kind
from secrets_app.sync.unknown_copies import Claimed
from secrets_app.writes import leases
from tests.factories import (
    audit_rows,
    create_command,
    reconcile_now,
    save_secrets,
    secret_versions,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import (
    InterruptedStore,
    Killed,
    StoreCalls,
    deny_access,
    kill_process,
    lose_response,
)

ROOT = "/amplify/d1shop"
BIN = "/amplify/branchkeep-bin/d1shop"
FOLDER = f"{ROOT}/old"


def write_some(world: World, number: int = 3) -> list[str]:
    """Write parameters of an unknown branch, and reconcile. Returns their tokens."""
    for index in range(number):
        write_outside(f"{FOLDER}/KEY_{index:02}")
    reconcile_now(world)
    return tokens()


def tokens() -> list[str]:
    return [*map(unknown_removal.token, UnknownParameter.objects.order_by("folder", "key"))]


def remove(world: World, chosen: list[str], by: str = "alice") -> list[Removal]:
    access = find_app(world.actor(by), "d1shop")
    return unknown_removal.remove(access=access, tokens=chosen, change_set=uuid.uuid4())


def results(removals: list[Removal]) -> list[Result]:
    return [removal.outcome for removal in removals]


def stored() -> set[str]:
    return {it.path for it in parameter_store().list([ROOT])}


def outcomes() -> list[list[str]]:
    """Return the outcomes of each removal, in order."""
    events = AuditEvent.objects.filter(action="parameter.remove").order_by("pk")
    return [[row.outcome for row in event.outcomes.order_by("pk")] for event in events]


def throttle() -> None:
    raise Throttled


def copies() -> list[str]:
    """Return the keys of the recycle bin's copies, after the background has tidied up."""
    BinEntry.objects.exclude(due_at=None).update(due_at=timezone.now())
    bin_upkeep.finish_due()
    return sorted(it.path.rpartition("/")[2] for it in parameter_store().list([BIN]))


def expire_claims() -> None:
    UnknownParameter.objects.exclude(claim=None).update(claimed_until=timezone.now())


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    chosen = write_some(world, 12)
    write_outside(f"{ROOT}/kept/KEY")
    reconcile_now(world)
    assert set(results(remove(world, chosen))) == {Result.REMOVED}
    assert stored() == {f"{ROOT}/kept/KEY"}
    assert UnknownParameter.objects.get().key == "KEY"
    rows = audit_rows(world, "parameter.")
    assert len(rows) == len(audit_rows(world, "bin.")) == 12
    assert rows[0] == ("alice", "parameter.remove", f"{FOLDER}/KEY_00", 1, "succeeded", None)
    assert {event.branch for event in AuditEvent.objects.filter(action="parameter.remove")} == {
        "old"
    }
    assert {*copies()} == {f"KEY_{index:02}" for index in range(12)}
    assert {*BinEntry.objects.values_list("state", "folder", "scope")} == {("kept", FOLDER, "old")}
    reconcile_now(world)
    assert UnknownParameter.objects.count() == 1


@pytest.mark.usefixtures("either_store")
def test_ten_are_looked_up_and_removed_together(world: World, store_calls: StoreCalls) -> None:
    chosen = write_some(world, 10)
    store_calls.clear()
    remove(world, chosen)
    assert store_calls.operations == ["current", "read", *["put"] * 10, "remove"]


@pytest.mark.parametrize("when", ["before reconciling", "after"])
def test_changed_since(world: World, when: str) -> None:
    chosen = write_some(world)
    write_outside(f"{FOLDER}/KEY_01")
    if when == "after":
        reconcile_now(world)
    removals = remove(world, chosen)
    assert sorted(results(removals)) == [Result.CONFLICT, Result.REMOVED, Result.REMOVED]
    assert unknown_removal.CHANGED in {removal.message for removal in removals}
    assert stored() == {f"{FOLDER}/KEY_01"}
    assert copies() == ["KEY_00", "KEY_02"]


def test_changed_while_it_is_copied(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world, 2)
    interrupted.before("read", lambda: write_outside(f"{FOLDER}/KEY_01"))
    removals = {it.key: it.outcome for it in remove(world, chosen)}
    assert removals == {
        f"{FOLDER}/KEY_00": Result.REMOVED,
        f"{FOLDER}/KEY_01": Result.CONFLICT,
    }
    assert stored() == {f"{FOLDER}/KEY_01"}
    assert copies() == ["KEY_00"]
    assert UnknownParameter.objects.get().claim_id is None


def test_changed_just_before_it_is_claimed(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world, 2)
    changed = UnknownParameter.objects.filter(key="KEY_01")
    interrupted.before("current", lambda: changed.update(version=9))
    assert sorted(results(remove(world, chosen))) == [Result.CONFLICT, Result.REMOVED]
    assert stored() == {f"{FOLDER}/KEY_01"}


def test_removed_and_recreated_at_the_same_version(world: World) -> None:
    chosen = write_some(world, 1)
    parameter_store().remove([f"{FOLDER}/KEY_00"])
    write_outside(f"{FOLDER}/KEY_00")
    assert results(remove(world, chosen)) == [Result.CONFLICT]
    assert stored() == {f"{FOLDER}/KEY_00"}


def test_already_gone(world: World) -> None:
    chosen = write_some(world, 1)
    parameter_store().remove([f"{FOLDER}/KEY_00"])
    assert results(remove(world, chosen)) == [Result.REMOVED]
    detail = AuditEvent.objects.get(action="parameter.remove").outcomes.get().detail
    assert detail == unknown_removal.ALREADY_GONE


def test_its_branch_was_added_since(world: World) -> None:
    chosen = write_some(world)
    Branch.objects.create(app=world.app, name="old")
    assert set(results(remove(world, chosen))) == {Result.CONFLICT}
    assert len(stored()) == 3


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/x-sandbox-0123456789/A",
        f"{ROOT}/A",
        f"{ROOT}/main/deeper/A",
        f"{ROOT}/old/AMPLIFY_resize_KEY",
    ],
)
def test_never_touched(world: World, path: str) -> None:
    write_outside(path)
    reconcile_now(world)
    assert results(remove(world, tokens())) == [Result.REFUSED]
    assert stored() == {path}
    assert outcomes() == []


def test_the_path_that_the_profile_does_not_use(world: World) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    world.app.path_profile = "backend"
    world.app.save()
    reconcile_now(world)
    [group] = adopting.groups(find_app(world.actor("alice"), "d1shop"))
    assert group.fit.kind is Kind.OTHER_PATH
    assert results(remove(world, tokens())) == [Result.REMOVED]
    assert secret_versions(world) == {("main", "API_KEY"): 1}
    assert audit_rows(world, "parameter.")[0].key == f"{ROOT}/main/API_KEY"


@pytest.mark.usefixtures("either_store")
def test_no_copy_can_be_kept(world: World, settings: Any) -> None:
    settings.BIN_DAYS = 0
    chosen = write_some(world, 2)
    assert [(it.outcome, it.asks) for it in remove(world, chosen)] == [(Result.REFUSED, True)] * 2
    assert len(stored()) == 2
    access = find_app(world.actor("alice"), "d1shop")
    how: Any = {"access": access, "tokens": chosen, "change_set": uuid.uuid4()}
    removals = unknown_removal.remove(**how, without_copy=True)
    assert results(removals) == [Result.REMOVED] * 2
    assert stored() == set()
    assert not BinEntry.objects.exists()


def test_one_that_cannot_be_read(world: World, interrupted: InterruptedStore) -> None:
    """The others of its batch are moved, and it asks what to do."""
    chosen = write_some(world, 3)
    for _ in range(2):  # of all three, and then of the first
        interrupted.before("read", deny_access)
    removals = remove(world, chosen)
    assert [it.asks for it in removals] == [False, False, True]
    assert "removed yet" in removals[2].message
    assert stored() == {f"{FOLDER}/KEY_00"}
    assert copies() == ["KEY_01", "KEY_02"]
    assert UnknownParameter.objects.get().claim_id is None


def test_throttled_while_copying(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world, 3)
    interrupted.before("put", throttle)
    assert set(results(remove(world, chosen))) == {Result.FAILED}
    assert len(stored()) == 3
    assert copies() == []
    assert set(results(remove(world, chosen))) == {Result.REMOVED}


def test_the_copy_keeps_its_kms_key(world: World) -> None:
    chosen = write_some(world, 1)
    UnknownParameter.objects.update(key_id="arn:aws:kms:eu-central-1:1:key/own")
    assert results(remove(world, chosen)) == [Result.REMOVED]
    assert BinEntry.objects.get().key_id == "arn:aws:kms:eu-central-1:1:key/own"


def test_denied(world: World) -> None:
    chosen = write_some(world)
    for name in ("mia", "bob", "vera"):
        with pytest.raises(Exception, match="does not allow"):
            remove(world, chosen, by=name)
    assert len(stored()) == 3
    assert outcomes() == [[Outcome.DENIED]] * 3


def test_the_store_fails(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world)
    interrupted.before("remove", deny_access)
    assert set(results(remove(world, chosen))) == {Result.FAILED}
    assert outcomes() == [[Outcome.FAILED]] * 3
    assert set(results(remove(world, chosen))) == {Result.REMOVED}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_response(world: World, interrupted: InterruptedStore, when: str) -> None:
    chosen = write_some(world, 1)
    getattr(interrupted, when)("remove", lose_response)
    assert results(remove(world, chosen)) == [Result.UNKNOWN]
    reconcile_now(world)  # too early to settle: the request may still arrive
    assert outcomes() == [[Outcome.UNKNOWN]]
    assert results(remove(world, chosen)) == [Result.HELD]
    expire_claims()
    reconcile_now(world)
    assert outcomes() == [[Outcome.UNKNOWN, Outcome.SETTLED]]
    assert UnknownParameter.objects.count() == len(stored()) == (when == "before")
    assert UnknownParameter.objects.exclude(claim=None).count() == 0
    assert len(copies()) == (when == "after")


def test_a_late_removal_cannot_take_a_new_secret(
    world: World, interrupted: InterruptedStore
) -> None:
    chosen = write_some(world, 1)
    interrupted.after("remove", lose_response)
    remove(world, chosen)
    old = Branch.objects.create(app=world.app, name="old")
    reconcile_now(world)
    [outcome] = save_secrets(world, create_command("KEY_00", branch=old))
    assert outcome.outcome == Result.HELD
    assert outcome.wait > 50
    assert stored() == set()
    expire_claims()
    [outcome] = save_secrets(world, create_command("KEY_00", branch=old))
    assert outcome.outcome == Result.SAVED
    reconcile_now(world)
    assert outcomes() == [[Outcome.UNKNOWN, Outcome.SETTLED]]
    assert secret_versions(world) == {("old", "KEY_00"): 1}
    assert UnknownParameter.objects.count() == 0


def test_settled_before_the_store_was_called(world: World, interrupted: InterruptedStore) -> None:
    """As if the process had slept for minutes between its audit event and its call."""
    chosen = write_some(world, 1)
    mark_called = unknown_removal._mark_called

    def sleep_first(claimed: Sequence[Claimed]) -> bool:
        expire_claims()
        reconcile_now(world)
        return mark_called(claimed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unknown_removal, "_mark_called", sleep_first)
        assert results(remove(world, chosen)) == [Result.HELD]
    assert len(stored()) == 1
    assert outcomes() == [[Outcome.SETTLED]]


@pytest.mark.parametrize("call", ["current", "read", "put", "remove"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed(world: World, interrupted: InterruptedStore, when: str, call: str) -> None:
    chosen = write_some(world)
    getattr(interrupted, when)(call, kill_process)
    with pytest.raises(Killed):
        remove(world, chosen)
    expire_claims()
    call_command("settle", stdout=StringIO())
    is_done = (when, call) == ("after", "remove")
    assert len(stored()) == UnknownParameter.objects.count() == (0 if is_done else 3)
    assert outcomes() == ([[Outcome.SETTLED]] * 3 if call != "current" else [])
    assert len(copies()) == (3 if is_done else 0)
    assert set(results(remove(world, tokens()))) == (set() if is_done else {Result.REMOVED})
    assert stored() == set()
    assert len(copies()) == 3


def test_claims_end_when_the_clock_is_set_back(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world, 1)
    interrupted.before("remove", lose_response)
    remove(world, chosen)
    far = timezone.now() + 2 * leases.LEASE_DURATION + timedelta(hours=1)
    UnknownParameter.objects.update(claimed_until=far)
    reconcile_now(world)
    assert outcomes() == [[Outcome.UNKNOWN, Outcome.SETTLED]]
    assert unknown.STILL_THERE in str(
        [*AuditEvent.objects.get(action="parameter.remove").outcomes.values_list("detail")]
    )
