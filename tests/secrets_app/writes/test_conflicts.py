"""Of two saves from one version, one wins; the other is told who and when (guarantee 12)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from console.access.policy import find_app
from console.audit.events import Outcome
from console.lib.results import DONE, Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore
from secrets_app.writes import messages
from secrets_app.writes import save as saving
from secrets_app.writes.commands import SecretCommand
from secrets_app.writes.snapshots import Snapshot, WriteTarget, take_snapshots
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, kill_process, use_store

ROUNDS = 25


@pytest.mark.usefixtures("clock", "either_store")
def test_it_works(world: World) -> None:
    row = set_secret(world, "API_KEY", branch=world.dev)
    [won] = save_secrets(world, set_command(row, "bob's"), by="bob")
    [lost] = save_secrets(world, set_command(row, "mia's"), by="mia")
    assert (won.outcome, won.version) == ("saved", 2)
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert lost.message == "bob@example.org changed this secret now (now version 2)."
    assert stored_values(world, "API_KEY", world.dev) == ("bob's", "bob's")


def test_a_removal_against_a_save(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row, "mia's"), by="mia")
    [lost] = save_secrets(world, delete_command(row))
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert "mia@example.org changed" in lost.message
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_a_save_against_a_removal(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, delete_command(row), by="mia")
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 0)
    assert lost.message == "This secret has been removed. Add it again if you still need it."
    assert stored_values(world, "API_KEY") == (None, None)


def test_a_removal_against_a_removal_is_done(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, delete_command(row), by="mia")
    [again] = save_secrets(world, delete_command(row))
    assert again.outcome == "conflict"
    assert "removed" in again.message


@pytest.mark.usefixtures("clock")
def test_a_creation_against_a_creation(world: World) -> None:
    set_secret(world, "API_KEY", "alice's")
    [lost] = save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    assert (lost.outcome, lost.version) == ("conflict", 1)
    assert lost.message == "alice@example.org added this secret now (now version 1)."
    assert stored_values(world, "API_KEY") == ("alice's", None)


@pytest.mark.usefixtures("clock")
def test_who_removed_it_and_added_it_anew_after_the_rows_were_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row))

    def meanwhile() -> ParameterStore:
        monkeypatch.undo()
        save_secrets(world, delete_command(secret_row(world, "API_KEY")), by="mia")
        save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
        return parameter_store()

    monkeypatch.setattr(saving, "parameter_store", meanwhile)
    [told] = save_secrets(world, set_command(row, "mine", expected_version=2))
    assert told.message == "mia@example.org added this secret now (now version 1)."
    assert stored_values(world, "API_KEY") == ("mia's", None)


@pytest.mark.usefixtures("console_on_ssm")
def test_who_added_it_anew_and_is_changing_it(world: World, interrupted: InterruptedStore) -> None:
    for value in ("first", "second", "third"):
        row = set_secret(world, "API_KEY") if value == "first" else secret_row(world, "API_KEY")
        save_secrets(world, set_command(row, value))

    def meanwhile() -> None:
        save_secrets(world, delete_command(secret_row(world, "API_KEY")), by="mia")
        save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
        interrupted.after("put", kill_process)
        with pytest.raises(Killed):
            save_secrets(world, set_command(secret_row(world, "API_KEY"), "mia's second"), by="mia")

    interrupted.before("current", meanwhile)
    [told] = save_secrets(world, set_command(secret_row(world, "API_KEY"), "mine"))
    assert told.message.startswith("mia@example.org changed this secret")
    assert told.version == 2


def test_another_secret_of_that_name_and_version_is_not_the_one_that_was_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = InterruptedStore(parameter_store())
    use_store(store, monkeypatch)
    row = set_secret(world, "API_KEY")

    def removed_and_added_anew() -> None:
        save_secrets(world, delete_command(row), by="mia")
        set_secret(world, "API_KEY", "another")

    store.before("current", removed_and_added_anew)
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 0)
    assert lost.message.startswith("This secret has been removed.")
    assert stored_values(world, "API_KEY") == ("another", None)


@pytest.mark.usefixtures("clock")
def test_who_wrote_it_is_told_though_somebody_wrote_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = InterruptedStore(parameter_store())
    use_store(store, monkeypatch)
    row = set_secret(world, "API_KEY", branch=world.dev)
    save_secrets(world, set_command(row, "bob's"), by="bob")
    store.after(
        "current",
        lambda: save_secrets(world, set_command(row, "mia's", expected_version=2), by="mia"),
    )
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert lost.message == "bob@example.org changed this secret now (now version 2)."
    assert stored_values(world, "API_KEY", world.dev) == ("mia's", "mia's")


@pytest.mark.usefixtures("clock")
def test_who_was_writing_it_then_is_told_though_somebody_wrote_again(
    world: World, interrupted: Any
) -> None:
    row = set_secret(world, "API_KEY")
    target = WriteTarget(None, "API_KEY", secret_paths(world, "API_KEY")[0])
    snapshots = list[Snapshot]()
    interrupted.after(
        "put", lambda: snapshots.extend(take_snapshots(parameter_store(), world.app, [target]))
    )
    save_secrets(world, set_command(row, "mia's"), by="mia")
    save_secrets(world, set_command(secret_row(world, "API_KEY"), "alice's"))
    # Her end was noted before that look, and committed after it
    late = replace(snapshots[0], at=timezone.now())
    told = messages.conflict("1", find_app(world.actor("alice"), world.app.app_id), late)
    assert told.message == "mia@example.org changed this secret now (now version 2)."


def test_who_is_about_to_write_did_not_write_what_came_from_outside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = InterruptedStore(parameter_store())
    use_store(store, monkeypatch)
    row = reconciled_secret(world, "API_KEY", world.dev)
    write_outside(secret_paths(world, "API_KEY", world.dev)[0])
    reconcile_now(world)
    told: list[RowOutcome] = []
    store.before(
        "put",
        lambda: told.extend(
            save_secrets(world, set_command(row, "mia's", expected_version=1), by="mia")
        ),
    )
    [won] = save_secrets(world, set_command(row, "bob's", expected_version=2), by="bob")
    assert (won.outcome, [lost.version for lost in told]) == ("saved", [2])
    assert told[0].message.startswith("Someone outside Branchkeep changed this secret")


@pytest.mark.usefixtures("clock")
def test_who_was_cut_off_wrote_it_and_not_who_had_that_version_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = InterruptedStore(parameter_store())
    use_store(store, monkeypatch)
    save_secrets(world, delete_command(set_secret(world, "API_KEY", branch=world.dev)))
    store.after("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, create_command("API_KEY", "mia's", world.dev), by="mia")
    [lost] = save_secrets(world, create_command("API_KEY", "bob's", world.dev), by="bob")
    assert lost.message == "mia@example.org added this secret now (now version 1)."


def test_writing_mine_over_theirs(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row, "mia's"), by="mia")
    [lost] = save_secrets(world, set_command(row, "alice's"))
    [won] = save_secrets(world, set_command(row, "alice's", expected_version=lost.version))
    assert (won.outcome, won.version) == ("saved", 3)
    assert stored_values(world, "API_KEY") == ("alice's", None)


def test_writing_mine_over_their_creation(world: World) -> None:
    set_secret(world, "API_KEY")
    [lost] = save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    [won] = save_secrets(
        world, create_command("API_KEY", "mia's", expected_version=lost.version), by="mia"
    )
    assert (won.outcome, won.version) == ("saved", 2)
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_writing_mine_when_they_wrote_again(world: World) -> None:
    row = set_secret(world, "API_KEY")
    for _ in range(2):
        save_secrets(world, set_command(secret_row(world, "API_KEY"), "mia's"), by="mia")
    [lost] = save_secrets(world, set_command(row, "alice's", expected_version=2))
    assert (lost.outcome, lost.version) == ("conflict", 3)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("mine", ["change", "remove", "overwrite their creation"])
def test_theirs_that_came_after_the_store_was_asked(
    world: World, interrupted: Any, mine: str
) -> None:
    row = set_secret(world, "API_KEY")
    set_secret(world, "OTHER")
    changes = {
        "change": set_command(row, "alice's"),
        "remove": delete_command(row),
        "overwrite their creation": create_command("API_KEY", "alice's", expected_version=1),
    }
    interrupted.after("current", lambda: save_secrets(world, set_command(row, "mia's"), by="mia"))
    [lost] = save_secrets(world, changes[mine])
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert "mia@example.org changed" in lost.message
    assert stored_values(world, "API_KEY") == ("mia's", None)
    assert (
        len([entry for entry in audit_rows(world, "secret.") if entry[0] == "alice"]) == 2
    )  # the adding


@pytest.mark.usefixtures("either_store")
def test_their_removal_and_new_creation_after_the_store_was_asked(
    world: World, interrupted: Any
) -> None:
    row = set_secret(world, "API_KEY")

    def anew() -> None:
        save_secrets(world, delete_command(row), by="mia")
        save_secrets(world, create_command("API_KEY", "mia's"), by="mia")

    interrupted.after("current", anew)
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert lost.outcome == "conflict" or stored_values(world, "API_KEY") == ("alice's", None)


def test_their_creation_after_the_store_was_asked(world: World, interrupted: Any) -> None:
    interrupted.after(
        "current", lambda: save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    )
    [lost] = save_secrets(world, create_command("API_KEY", "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 1)
    assert "mia@example.org added" in lost.message
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_one_who_is_saving_at_this_moment(world: World, interrupted: Any) -> None:
    row = set_secret(world, "API_KEY")
    told: list[RowOutcome] = []
    interrupted.before(
        "put", lambda: told.extend(save_secrets(world, set_command(row, "mia's"), by="mia"))
    )
    [won] = save_secrets(world, set_command(row, "alice's"))
    assert (won.outcome, won.version) == ("saved", 2)
    assert told[0].outcome == "conflict"
    assert told[0].message.startswith("alice@example.org is saving this secret right now.")
    assert stored_values(world, "API_KEY") == ("alice's", None)


def test_one_who_has_just_written_and_not_yet_finished(world: World, interrupted: Any) -> None:
    row = set_secret(world, "API_KEY")
    told: list[RowOutcome] = []
    interrupted.after(
        "put", lambda: told.extend(save_secrets(world, set_command(row, "mia's"), by="mia"))
    )
    save_secrets(world, set_command(row, "alice's"))
    assert told[0].outcome == "conflict"
    assert told[0].message.startswith("alice@example.org changed this secret")


def test_somebody_outside_at_the_same_moment_is_told_of(world: World, interrupted: Any) -> None:
    row = set_secret(world, "API_KEY")
    path, _ = secret_paths(world, "API_KEY")
    interrupted.before("put", lambda: write_outside(path))
    [saved] = save_secrets(world, set_command(row, "alice's"))
    assert (saved.outcome, saved.version) == ("saved", 3)
    assert "outside Branchkeep" in saved.message
    assert secret_row(world, "API_KEY").version == 3


def test_somebody_outside_who_removed_it_at_the_same_moment(world: World, interrupted: Any) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row))
    row = secret_row(world, "API_KEY")
    interrupted.before("put", lambda: parameter_store().remove(secret_paths(world, "API_KEY")[:1]))
    [saved] = save_secrets(world, set_command(row, "alice's"))
    assert (saved.outcome, saved.version) == ("saved", 1)
    assert "outside Branchkeep" in saved.message


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("both", ["change, change", "change, remove", "create, create"])
def test_truly_at_the_same_time(world: World, both: str) -> None:
    for person in ("alice", "mia"):
        world.actor(person)
    for number in range(ROUNDS):
        one, other = _pair(world, f"KEY_{number}", both)
        earlier = len(audit_rows(world, "secret."))
        told = _together(
            partial(save_secrets, world, one, by="alice"),
            partial(save_secrets, world, other, by="mia"),
        )
        _exactly_one_won(world, f"KEY_{number}", told, audit_rows(world, "secret.")[earlier:])


def _pair(world: World, key: str, both: str) -> tuple[SecretCommand, SecretCommand]:
    if both == "create, create":
        return create_command(key, "alice's"), create_command(key, "mia's")
    row = set_secret(world, key)
    other = delete_command(row) if both == "change, remove" else set_command(row, "mia's")
    return set_command(row, "alice's"), other


def _exactly_one_won(
    world: World, key: str, told: list[RowOutcome], trail: list[tuple[Any, ...]]
) -> None:
    ends = [outcome.outcome for outcome in told]
    assert ends.count(Result.CONFLICT) == 1, told
    winner, end = next(pair for pair in zip(("alice", "mia"), ends, strict=True) if pair[1] in DONE)
    assert stored_values(world, key)[0] == (f"{winner}'s" if end == Result.SAVED else None)
    assert [entry[0] for entry in trail if entry[4] == Outcome.SUCCEEDED] == [winner]
    assert all(entry[4] == Outcome.FAILED for entry in trail if entry[0] != winner)
    [current] = parameter_store().current(secret_paths(world, key)[:1]).values() or [None]
    row = Secret.objects.filter(key=key).first()
    assert (row and (row.version, row.claim_id)) == (current and (current.version, None))


def _together(*tasks: Callable[[], list[RowOutcome]]) -> list[RowOutcome]:
    start = Barrier(len(tasks))

    def run(task: Callable[[], list[RowOutcome]]) -> RowOutcome:
        try:
            start.wait()
            [outcome] = task()
            return outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return [*threads.map(run, tasks)]
