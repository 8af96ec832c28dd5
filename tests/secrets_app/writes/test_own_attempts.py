"""Someone whose save was cut off saves again: nobody conflicts with an attempt of their own."""

import uuid
from contextlib import suppress
from typing import Any

import pytest
import time_machine

from console.audit.events import Action
from console.lib.results import RowOutcome
from console.models import AuditEvent
from secrets_app.writes import leases, save
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    ACTS,
    assert_consistent,
    audit_rows,
    create_command,
    expire_leases,
    listed_secret,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, kill_process, lose_response

pytestmark = pytest.mark.exhaustive_on_postgres


@pytest.fixture
def cut_before_the_call(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that saves, and is killed between the audit event and the store's call."""

    def cut(world: World, command: SecretCommand, by: str = "alice") -> None:
        with monkeypatch.context() as patch:
            for last_step in ("mark_called", "lock"):
                patch.setattr(leases, last_step, lambda _: kill_process())
            with pytest.raises(Killed):
                save_secrets(world, command, by=by)

    return cut


def cut_during_the_call(
    world: World, interrupted: InterruptedStore, command: SecretCommand, when: str = "after"
) -> None:
    """Save as alice, killed before or after the store has written."""
    getattr(interrupted, when)("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, command)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("act", ACTS)
def test_it_works(world: World, cut_before_the_call: Any, act: str) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    command = ACTS[act].command(row)
    cut_before_the_call(world, command)
    [again] = save_secrets(world, command)  # at once: the lease lasts for more than a minute
    assert again.outcome in {"saved", "removed"}
    assert again.message == ""
    assert [entry.outcome for entry in audit_rows(world)][1:] == ["settled", "succeeded"]
    event = AuditEvent.objects.get(action=f"secret.{act}", outcomes__outcome="settled")
    assert "before it called the parameter store" in event.outcomes.get().detail
    key = "OTHER" if act == "create" else "API_KEY"
    assert_consistent(world, key, ACTS[act].version)


def test_others_wait(world: World, cut_before_the_call: Any) -> None:
    row = reconciled_secret(world, "API_KEY")
    cut_before_the_call(world, set_command(row))
    [lost] = save_secrets(world, set_command(row), by="mia")
    assert lost.outcome == "conflict"
    assert lost.message.startswith("alice@example.org is saving this secret right now.")
    expire_leases()
    assert save_secrets(world, set_command(row), by="mia")[0].outcome == "saved"


def test_others_are_told_until_when(
    world: World, cut_before_the_call: Any, clock: time_machine.Traveller
) -> None:
    row = reconciled_secret(world, "API_KEY")
    cut_before_the_call(world, set_command(row))
    clock.shift(leases.LONGEST_WRITE)  # longer than any save that is still running
    [held] = save_secrets(world, set_command(row), by="mia")
    assert held.outcome == "held"
    assert "alice@example.org's last save has not finished or was cut off" in held.message
    clock.shift(held.wait)
    assert save_secrets(world, set_command(row), by="mia")[0].outcome == "saved"


@pytest.mark.usefixtures("interrupted")  # no transaction is open during the call, as with SSM
def test_the_cut_off_process_is_still_alive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = reconciled_secret(world, "API_KEY")
    others: list[RowOutcome] = []
    mark_called = leases.mark_called

    def wake_up_late(lease: leases.Lease) -> None:
        patch.undo()
        others.extend(save_secrets(world, set_command(row, "other tab")))
        mark_called(lease)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "mark_called", wake_up_late)
        [slow] = save_secrets(world, set_command(row, "slow"))
    assert [other.outcome for other in others] == ["saved"]
    assert slow.outcome == "conflict"
    assert stored_values(world, "API_KEY") == ("other tab", None)
    assert [entry.outcome for entry in audit_rows(world)][1:] == ["settled", "succeeded"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_cut_off_during_the_call(world: World, interrupted: InterruptedStore, when: str) -> None:
    row = reconciled_secret(world, "API_KEY")
    cut_during_the_call(world, interrupted, set_command(row), when)
    [held] = save_secrets(world, set_command(row, "again"))
    assert held.outcome == "held"
    assert "your last save has not finished or was cut off" in held.message
    expire_leases()
    [again] = save_secrets(world, set_command(row, "again"))
    assert (again.outcome, again.message) == ("saved", "")
    assert stored_values(world, "API_KEY") == ("again", None)
    assert_consistent_without_branch(world, 3 if when == "after" else 2)


def assert_consistent_without_branch(world: World, version: int) -> None:
    reconcile_now(world)
    assert secret_row(world, "API_KEY").version == version
    assert audit_rows(world, "found.") == []


@pytest.mark.parametrize("settled", ["by the save", "by reconciling"])
@pytest.mark.parametrize("end", [kill_process, lose_response], ids=["killed", "lost"])
def test_a_cut_off_creation(
    world: World, interrupted: InterruptedStore, settled: str, end: Any
) -> None:
    interrupted.after("put", end)
    with suppress(Killed):
        save_secrets(world, create_command("API_KEY"))
    shown = listed_secret(world, "API_KEY")
    assert (shown.changed, shown.changed_by) == ("", "")  # and the list shows nobody
    assert save_secrets(world, create_command("API_KEY", "again"))[0].outcome == "held"
    expire_leases()
    if settled == "by reconciling":
        reconcile_now(world)
        assert listed_secret(world, "API_KEY").changed_by == "alice@example.org"
    [again] = save_secrets(world, create_command("API_KEY", "again"))
    assert (again.outcome, again.version) == ("saved", 2)
    assert audit_rows(world, "found.") == []


def test_the_list_of_a_cut_off_creation_names_nobody(
    world: World, interrupted: InterruptedStore, client_for: Any
) -> None:
    cut_during_the_call(world, interrupted, create_command("API_KEY"))
    page = client_for("alice").get(f"/apps/{world.app.app_id}/hosting/secrets/")
    assert "API_KEY" in page.text
    assert "outside Branchkeep" not in page.text


@pytest.mark.parametrize("settled", [True, False])
def test_someone_else_still_conflicts(
    world: World, interrupted: InterruptedStore, settled: bool
) -> None:
    row = reconciled_secret(world, "API_KEY")
    cut_during_the_call(world, interrupted, set_command(row))
    expire_leases()
    if settled:
        reconcile_now(world)
    [lost] = save_secrets(world, set_command(row, "mia's"), by="mia")
    assert lost.outcome == "conflict"
    assert lost.message.startswith("alice@example.org changed this secret")


def test_a_later_outside_change_conflicts(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY")
    cut_during_the_call(world, interrupted, set_command(row))
    expire_leases()
    reconcile_now(world)
    write_outside(secret_paths(world, "API_KEY")[0])
    [lost] = save_secrets(world, set_command(row, "again"))
    assert lost.outcome == "conflict"
    reconcile_now(world)
    [lost] = save_secrets(world, set_command(row, "again"))
    assert lost.outcome == "conflict"
    assert lost.message.startswith("Someone outside Branchkeep changed")


def test_two_saves_on_purpose_conflict(world: World) -> None:
    row = reconciled_secret(world, "API_KEY")
    save_secrets(world, set_command(row, "one tab"))
    [lost] = save_secrets(world, set_command(row, "other tab"))
    assert lost.outcome == "conflict"
    assert stored_values(world, "API_KEY") == ("one tab", None)


def test_the_same_change_set_again(world: World) -> None:
    row, change_set = reconciled_secret(world, "API_KEY"), uuid.uuid4()
    for version in (2, 3):  # the first response was lost together with what pages remember
        [saved] = save.save(
            actor=world.actor("alice"),
            app_id=world.app.app_id,
            commands=[set_command(row, "mine")],
            change_set=change_set,
        )
        assert (saved.outcome, saved.version) == ("saved", version)
    assert AuditEvent.objects.filter(action=Action.SECRET_CHANGED).count() == 2
