"""Undo with a store that throttles or loses responses (guarantees 44, 51)."""

import uuid
from time import sleep

import pytest

from console.access.policy import find_app
from console.lib.results import DONE, RowOutcome
from console.models import AuditEvent
from console.workflows import change_sets
from console.workflows.undoing import undo
from tests.factories import (
    audit_rows,
    create_command,
    expire_leases,
    projection_errors,
    reconcile_now,
    save_secrets,
    secret_row,
    set_command,
    set_secret,
    stored_values,
)
from tests.faults.test_slowness import CALLS_A_SECOND, RateLimiter, rounds
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

KEYS = [f"KEY_{number}" for number in range(8)]


def changed(world: World) -> uuid.UUID:
    """Change some secrets and add another one in one change set, and return it."""
    for key in KEYS:
        set_secret(world, key, "old", world.main)
    rows = [secret_row(world, key, world.main) for key in KEYS]
    save_secrets(world, *(set_command(row, "new") for row in rows), create_command("ADDED"))
    saved = AuditEvent.objects.filter(subject="ADDED").latest("pk").change_set
    assert saved is not None
    return saved


def undone(world: World, saved: uuid.UUID) -> list[RowOutcome]:
    """Undo what can be undone."""
    access = find_app(world.actor("alice"), world.app.app_id)
    tokens = [row.token for row in change_sets.find(access, saved).ready]
    return undo(access, saved, tokens, uuid.uuid4(), may_go_on=lambda: True)


@pytest.mark.exhaustive
def test_it_works(world: World, faulty_ssm: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    """At five calls a second, what can't be undone at once is undone by the next attempts."""
    saved = changed(world)
    with monkeypatch.context() as patch:
        patch.setattr(faulty_ssm, "_fault_for", RateLimiter(CALLS_A_SECOND).fault)
        for _ in rounds(60):
            outcomes = undone(world, saved)
            assert {it.outcome for it in outcomes} <= {*DONE, "failed", "not_tried"}
            if all(it.outcome in DONE for it in outcomes):
                break
            sleep(1)  # its message says: try again
    assert {stored_values(world, key, world.main) for key in KEYS} == {("old", "old")}
    assert stored_values(world, "ADDED") == (None, None)
    versions = [row.version_after for row in audit_rows(world, "secret.change")]
    assert versions.count(3) == len(KEYS)  # each was written once
    assert [it for key in KEYS for it in projection_errors(world, key, world.main)] == []


def test_lost_response(world: World, interrupted: InterruptedStore) -> None:
    """An undo whose response was lost is unknown, and settled as done."""
    set_secret(world, "KEY", "old")
    set_secret(world, "KEY", "new")
    saved = AuditEvent.objects.filter(subject="KEY").latest("pk").change_set
    assert saved is not None
    interrupted.after("put", lose_response)
    assert [it.outcome for it in undone(world, saved)] == ["unknown"]
    assert undone(world, saved) == []  # not ready: it may have been undone
    expire_leases()
    reconcile_now(world)
    access = find_app(world.actor("alice"), world.app.app_id)
    [change] = change_sets.find(access, saved).changes
    assert change.undo
    assert change.undo.state == "undone"
    assert stored_values(world, "KEY")[0] == "old"


def test_response_lost_on_the_way_there(world: World, interrupted: InterruptedStore) -> None:
    """A save that is not settled yet can't be undone yet."""
    row = set_secret(world, "KEY", "old")
    interrupted.after("put", lose_response)
    save_secrets(world, set_command(row, "new"))
    saved = AuditEvent.objects.filter(subject="KEY").latest("pk").change_set
    assert saved is not None
    assert undone(world, saved) == []
    expire_leases()
    reconcile_now(world)
    assert [it.outcome for it in undone(world, saved)] == ["saved"]
    assert stored_values(world, "KEY")[0] == "old"


def test_store_that_denies(world: World, faulty_ssm: Faulty) -> None:
    faulty_ssm.heal()
    saved = changed(world)
    faulty_ssm.always(Fault.ACCESS_DENIED, on="GetParameters")
    outcomes = undone(world, saved)
    assert {it.outcome for it in outcomes} <= {"failed", "not_tried"}
    faulty_ssm.heal()
    assert {stored_values(world, key, world.main)[0] for key in KEYS} == {"new"}
