"""Attempts with an unknown outcome are settled correctly (guarantee 8)."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from tests.factories import (
    ACTS,
    assert_consistent,
    audit_rows,
    create_command,
    expire_leases,
    last_event_outcomes,
    listed_secret,
    reconcile_now,
    reconciled_secret,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    secret_versions,
    set_command,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, deny_access, kill_process, lose_response

acts = pytest.mark.parametrize("act", ACTS)
ends = pytest.mark.parametrize("end", [lose_response, kill_process], ids=["lost", "killed"])


def save_interrupted(world: World, row: Secret, act: str) -> None:
    """Save as mia, whose process is killed or who gets an unknown outcome."""
    try:
        [outcome] = save_secrets(world, ACTS[act].command(row), by="mia")
    except Killed:
        pass
    else:
        assert outcome.outcome == "unknown"
        assert "outcome of this change is unknown" in outcome.message
    expire_leases()  # tests/faults/test_late_requests.py: nothing happens before


@pytest.mark.usefixtures("either_store")
@acts
@ends
def test_it_works_if_the_store_wrote(
    world: World, interrupted: InterruptedStore, act: str, end: Callable[[], None]
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    operation, _, version = ACTS[act]
    interrupted.after(operation, end)
    save_interrupted(world, row, act)
    key = "OTHER" if act == "create" else "API_KEY"
    assert listed_secret(world, key, world.main).state == "unknown"
    reconcile_now(world)
    mias = ("mia", f"secret.{act}", key, 0 if act == "create" else 1, "settled", version)
    assert audit_rows(world)[1:] == [mias]
    assert_consistent(world, key, version)


@pytest.mark.usefixtures("either_store")
@acts
@ends
def test_it_works_if_the_store_did_not_write(
    world: World, interrupted: InterruptedStore, act: str, end: Callable[[], None]
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before(ACTS[act].operation, end)
    save_interrupted(world, row, act)
    reconcile_now(world)
    assert [entry.outcome for entry in audit_rows(world)[1:]] == ["settled"]
    event = AuditEvent.objects.get(actor__startswith="mia", action__startswith="secret.")
    assert "nothing was changed" in event.outcomes.last().detail
    key = "OTHER" if act == "create" else "API_KEY"
    assert_consistent(world, key, None if act == "create" else 1)


@pytest.mark.parametrize("act", ["create", "change"])
def test_killed_after_writing_the_mirror(
    world: World, interrupted: InterruptedStore, act: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.after("put", lambda: interrupted.after("put", kill_process))
    save_interrupted(world, row, act)
    reconcile_now(world)
    key = "OTHER" if act == "create" else "API_KEY"
    assert_consistent(world, key, ACTS[act].version)
    assert audit_rows(world, "found.") == []
    assert listed_secret(world, key, world.main).mirror == "behind"  # written, but not confirmed


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_response_of_the_mirror_is_lost(
    world: World, interrupted: InterruptedStore, when: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    plan = getattr(interrupted, when)
    interrupted.after("put", lambda: plan("put", lose_response))
    [outcome] = save_secrets(world, set_command(row), by="mia")
    assert outcome.outcome == "saved"
    assert "the response for its mirror at the documented path was lost" in outcome.message
    assert listed_secret(world, "API_KEY", world.main).mirror == "behind"
    expire_leases()
    reconcile_now(world)
    assert_consistent(world, "API_KEY", 2)
    assert audit_rows(world, "found.") == []
    assert audit_rows(world)[-1] == ("mia", "secret.change", "API_KEY", 1, "succeeded", 2)
    repair_secret_mirror(world, row)
    assert listed_secret(world, "API_KEY", world.main).mirror == ""


@pytest.mark.parametrize("act", ["create", "change"])
@pytest.mark.parametrize("end", [lose_response, kill_process], ids=["lost", "killed"])
def test_the_next_save_overwrites_a_mirror_of_unknown_outcome(
    world: World, interrupted: InterruptedStore, act: str, end: Callable[[], None]
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    key = "OTHER" if act == "create" else "API_KEY"
    version = ACTS[act].version or 0
    interrupted.after("put", lambda: interrupted.after("put", end))
    with suppress(Killed):
        save_secrets(world, ACTS[act].command(row), by="mia")
    expire_leases()
    [saved] = save_secrets(
        world, create_command(key, "again", world.main, expected_version=version), by="mia"
    )
    assert (saved.outcome, saved.message) == ("saved", "")
    assert stored_values(world, key, world.main) == ("again", "again")
    reconcile_now(world)
    assert_consistent(world, key, version + 1)
    assert audit_rows(world, "found.") == []
    assert listed_secret(world, key, world.main).mirror == ""


@acts
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_save_settles(
    world: World, interrupted: InterruptedStore, act: str, when: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    operation, command, version = ACTS[act]
    getattr(interrupted, when)(operation, lose_response)
    save_interrupted(world, row, act)
    key = "OTHER" if act == "create" else "API_KEY"
    [again] = save_secrets(world, command(row))
    if when == "after" and act != "remove":
        assert (again.outcome, again.version) == ("conflict", version)
        assert again.message.startswith("mia@example.org ")
        mine = create_command(key, "mine", world.main, expected_version=version or 0)
        [again] = save_secrets(world, mine)
    assert again.outcome in {"saved", "removed"}
    assert audit_rows(world)[1].outcome == "settled"
    assert audit_rows(world)[2].outcome == "succeeded"
    reconcile_now(world)
    assert audit_rows(world, "found.") == []
    assert_consistent(world, key, audit_rows(world)[2].version_after)


def test_a_creation_fails_after_a_lost_removal(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.after("remove", lose_response)
    save_interrupted(world, row, "remove")
    interrupted.before("put", deny_access)
    [failed] = save_secrets(world, set_command(row, expected_version=0))
    assert failed.outcome == "failed"
    assert secret_versions(world) == {}
    reconcile_now(world)
    assert audit_rows(world, "found.") == []


def test_a_failed_creation_leaves_no_row(world: World, interrupted: InterruptedStore) -> None:
    interrupted.before("put", deny_access)
    [failed] = save_secrets(world, create_command("API_KEY"))
    assert (failed.outcome, secret_versions(world)) == ("failed", {})
    assert last_event_outcomes() == ["failed"]


def test_a_failed_creation_leaves_a_removed_secret_removed(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main))
    reconcile_now(world)
    interrupted.before("put", deny_access)
    save_secrets(world, set_command(row, expected_version=0))
    assert listed_secret(world, "API_KEY", world.main).state == "gone"


def test_removed_outside_after_an_unknown_change(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.after("put", lose_response)
    save_interrupted(world, row, "change")
    parameter_store().remove(secret_paths(world, "API_KEY", world.main))
    reconcile_now(world)
    assert audit_rows(world)[1:] == [
        ("mia", "secret.change", "API_KEY", 1, "settled", None),
        ("Someone outside Branchkeep", "found.remove", "API_KEY", 1, "succeeded", None),
    ]
    assert listed_secret(world, "API_KEY", world.main).state == "gone"


def test_changed_outside_after_an_unknown_removal(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before("remove", lose_response)
    save_interrupted(world, row, "remove")
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    reconcile_now(world)
    assert [entry[1:] for entry in audit_rows(world)[1:]] == [
        ("secret.remove", "API_KEY", 1, "settled", 2),
        ("found.change", "API_KEY", 1, "succeeded", 2),
    ]
    assert secret_row(world, "API_KEY", world.main).changed_by == ""
