"""Of two saves from one version, one wins; the other is told who and when (guarantee 12)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from console.access.policy import find_app
from console.audit.events import Outcome
from console.lib.results import DONE, Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.store.base import ParameterStore
from secrets_app.writes import messages
from secrets_app.writes import save as saving
from secrets_app.writes.commands import SecretCommand
from secrets_app.writes.snapshots import Snapshot, WriteTarget, take_snapshots
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Interrupted, Killed, killed, put_before

ROUNDS = 25


@pytest.mark.usefixtures("clock", "either_store")
def test_it_works(desk: Desk) -> None:
    row = desk.put("API_KEY", branch=desk.world.dev)
    [won] = desk.save("bob", desk.change(row, "bob's"))
    [lost] = desk.save("mia", desk.change(row, "mia's"))
    assert (won.outcome, won.version) == ("saved", 2)
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert lost.message == "bob@example.org changed this secret now (now version 2)."
    assert desk.values("API_KEY", desk.world.dev) == ("bob's", "bob's")


def test_a_removal_against_a_save(desk: Desk) -> None:
    row = desk.put("API_KEY")
    desk.save("mia", desk.change(row, "mia's"))
    [lost] = desk.save("alice", desk.removal(row))
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert "mia@example.org changed" in lost.message
    assert desk.values("API_KEY") == ("mia's", None)


def test_a_save_against_a_removal(desk: Desk) -> None:
    row = desk.put("API_KEY")
    desk.save("mia", desk.removal(row))
    [lost] = desk.save("alice", desk.change(row, "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 0)
    assert lost.message == "This secret has been removed. Add it again if you still need it."
    assert desk.values("API_KEY") == (None, None)


def test_a_removal_against_a_removal_is_done(desk: Desk) -> None:
    row = desk.put("API_KEY")
    desk.save("mia", desk.removal(row))
    [again] = desk.save("alice", desk.removal(row))
    assert again.outcome == "conflict"
    assert "removed" in again.message


@pytest.mark.usefixtures("clock")
def test_a_creation_against_a_creation(desk: Desk) -> None:
    desk.put("API_KEY", "alice's")
    [lost] = desk.save("mia", desk.new("API_KEY", "mia's"))
    assert (lost.outcome, lost.version) == ("conflict", 1)
    assert lost.message == "alice@example.org added this secret now (now version 1)."
    assert desk.values("API_KEY") == ("alice's", None)


@pytest.mark.usefixtures("clock")
def test_who_removed_it_and_added_it_anew_after_the_rows_were_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = desk.put("API_KEY")
    desk.save("alice", desk.change(row))

    def meanwhile() -> ParameterStore:
        monkeypatch.undo()
        desk.save("mia", desk.removal(desk.row("API_KEY")))
        desk.save("mia", desk.new("API_KEY", "mia's"))
        return desk.store

    monkeypatch.setattr(saving, "parameter_store", meanwhile)
    [told] = desk.save("alice", desk.change(row, "mine", base=2))
    assert told.message == "mia@example.org added this secret now (now version 1)."
    assert desk.values("API_KEY") == ("mia's", None)


@pytest.mark.usefixtures("console_on_ssm")
def test_who_added_it_anew_and_is_changing_it(desk: Desk, interrupted: Interrupted) -> None:
    for value in ("first", "second", "third"):
        row = desk.put("API_KEY") if value == "first" else desk.row("API_KEY")
        desk.save("alice", desk.change(row, value))

    def meanwhile() -> None:
        desk.save("mia", desk.removal(desk.row("API_KEY")))
        desk.save("mia", desk.new("API_KEY", "mia's"))
        interrupted.after("put", killed)
        with pytest.raises(Killed):
            desk.save("mia", desk.change(desk.row("API_KEY"), "mia's second"))

    interrupted.before("current", meanwhile)
    [told] = desk.save("alice", desk.change(desk.row("API_KEY"), "mine"))
    assert told.message.startswith("mia@example.org changed this secret")
    assert told.version == 2


def test_another_secret_of_that_name_and_version_is_not_the_one_that_was_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Interrupted(desk.store)
    put_before(store, monkeypatch)
    row = desk.put("API_KEY")

    def removed_and_added_anew() -> None:
        desk.save("mia", desk.removal(row))
        desk.put("API_KEY", "another")

    store.before("current", removed_and_added_anew)
    [lost] = desk.save("alice", desk.change(row, "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 0)
    assert lost.message.startswith("This secret has been removed.")
    assert desk.values("API_KEY") == ("another", None)


@pytest.mark.usefixtures("clock")
def test_who_wrote_it_is_told_though_somebody_wrote_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Interrupted(desk.store)
    put_before(store, monkeypatch)
    row = desk.put("API_KEY", branch=desk.world.dev)
    desk.save("bob", desk.change(row, "bob's"))
    store.after("current", lambda: desk.save("mia", desk.change(row, "mia's", base=2)))
    [lost] = desk.save("alice", desk.change(row, "alice's"))
    assert lost.message == "bob@example.org changed this secret now (now version 2)."
    assert desk.values("API_KEY", desk.world.dev) == ("mia's", "mia's")


@pytest.mark.usefixtures("clock")
def test_who_was_writing_it_then_is_told_though_somebody_wrote_again(
    desk: Desk, interrupted: Any
) -> None:
    row = desk.put("API_KEY")
    target = WriteTarget(None, "API_KEY", desk.paths("API_KEY")[0])
    snapshots = list[Snapshot]()
    interrupted.after(
        "put", lambda: snapshots.extend(take_snapshots(desk.store, desk.app, [target]))
    )
    desk.save("mia", desk.change(row, "mia's"))
    desk.save("alice", desk.change(desk.row("API_KEY"), "alice's"))
    # Her end was noted before that look, and committed after it
    late = replace(snapshots[0], at=timezone.now())
    told = messages.conflict("1", find_app(desk.world.actor("alice"), desk.app.app_id), late)
    assert told.message == "mia@example.org changed this secret now (now version 2)."


def test_who_is_about_to_write_did_not_write_what_came_from_outside(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Interrupted(desk.store)
    put_before(store, monkeypatch)
    row = desk.known("API_KEY", desk.world.dev)
    desk.outside(desk.paths("API_KEY", desk.world.dev)[0])
    desk.check()
    told: list[RowOutcome] = []
    store.before("put", lambda: told.extend(desk.save("mia", desk.change(row, "mia's", base=1))))
    [won] = desk.save("bob", desk.change(row, "bob's", base=2))
    assert (won.outcome, [lost.version for lost in told]) == ("saved", [2])
    assert told[0].message.startswith("Someone outside Branchkeep changed this secret")


@pytest.mark.usefixtures("clock")
def test_who_was_cut_off_wrote_it_and_not_who_had_that_version_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Interrupted(desk.store)
    put_before(store, monkeypatch)
    desk.save("alice", desk.removal(desk.put("API_KEY", branch=desk.world.dev)))
    store.after("put", killed)
    with pytest.raises(Killed):
        desk.save("mia", desk.new("API_KEY", "mia's", desk.world.dev))
    [lost] = desk.save("bob", desk.new("API_KEY", "bob's", desk.world.dev))
    assert lost.message == "mia@example.org added this secret now (now version 1)."


def test_writing_mine_over_theirs(desk: Desk) -> None:
    row = desk.put("API_KEY")
    desk.save("mia", desk.change(row, "mia's"))
    [lost] = desk.save("alice", desk.change(row, "alice's"))
    [won] = desk.save("alice", desk.change(row, "alice's", base=lost.version))
    assert (won.outcome, won.version) == ("saved", 3)
    assert desk.values("API_KEY") == ("alice's", None)


def test_writing_mine_over_their_creation(desk: Desk) -> None:
    desk.put("API_KEY")
    [lost] = desk.save("mia", desk.new("API_KEY", "mia's"))
    [won] = desk.save("mia", desk.new("API_KEY", "mia's", base=lost.version))
    assert (won.outcome, won.version) == ("saved", 2)
    assert desk.values("API_KEY") == ("mia's", None)


def test_writing_mine_when_they_wrote_again(desk: Desk) -> None:
    row = desk.put("API_KEY")
    for _ in range(2):
        desk.save("mia", desk.change(desk.row("API_KEY"), "mia's"))
    [lost] = desk.save("alice", desk.change(row, "alice's", base=2))
    assert (lost.outcome, lost.version) == ("conflict", 3)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("mine", ["change", "remove", "overwrite their creation"])
def test_theirs_that_came_after_the_store_was_asked(
    desk: Desk, interrupted: Any, mine: str
) -> None:
    row = desk.put("API_KEY")
    desk.put("OTHER")
    changes = {
        "change": desk.change(row, "alice's"),
        "remove": desk.removal(row),
        "overwrite their creation": desk.new("API_KEY", "alice's", base=1),
    }
    interrupted.after("current", lambda: desk.save("mia", desk.change(row, "mia's")))
    [lost] = desk.save("alice", changes[mine])
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert "mia@example.org changed" in lost.message
    assert desk.values("API_KEY") == ("mia's", None)
    assert len([entry for entry in desk.trail("secret.") if entry[0] == "alice"]) == 2  # the adding


@pytest.mark.usefixtures("either_store")
def test_their_removal_and_new_creation_after_the_store_was_asked(
    desk: Desk, interrupted: Any
) -> None:
    row = desk.put("API_KEY")

    def anew() -> None:
        desk.save("mia", desk.removal(row))
        desk.save("mia", desk.new("API_KEY", "mia's"))

    interrupted.after("current", anew)
    [lost] = desk.save("alice", desk.change(row, "alice's"))
    assert lost.outcome == "conflict" or desk.values("API_KEY") == ("alice's", None)


def test_their_creation_after_the_store_was_asked(desk: Desk, interrupted: Any) -> None:
    interrupted.after("current", lambda: desk.save("mia", desk.new("API_KEY", "mia's")))
    [lost] = desk.save("alice", desk.new("API_KEY", "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 1)
    assert "mia@example.org added" in lost.message
    assert desk.values("API_KEY") == ("mia's", None)


def test_one_who_is_saving_at_this_moment(desk: Desk, interrupted: Any) -> None:
    row = desk.put("API_KEY")
    told: list[RowOutcome] = []
    interrupted.before("put", lambda: told.extend(desk.save("mia", desk.change(row, "mia's"))))
    [won] = desk.save("alice", desk.change(row, "alice's"))
    assert (won.outcome, won.version) == ("saved", 2)
    assert told[0].outcome == "conflict"
    assert told[0].message.startswith("alice@example.org is saving this secret right now.")
    assert desk.values("API_KEY") == ("alice's", None)


def test_one_who_has_just_written_and_not_yet_finished(desk: Desk, interrupted: Any) -> None:
    row = desk.put("API_KEY")
    told: list[RowOutcome] = []
    interrupted.after("put", lambda: told.extend(desk.save("mia", desk.change(row, "mia's"))))
    desk.save("alice", desk.change(row, "alice's"))
    assert told[0].outcome == "conflict"
    assert told[0].message.startswith("alice@example.org changed this secret")


def test_somebody_outside_at_the_same_moment_is_told_of(desk: Desk, interrupted: Any) -> None:
    row = desk.put("API_KEY")
    path, _ = desk.paths("API_KEY")
    interrupted.before("put", lambda: desk.outside(path))
    [saved] = desk.save("alice", desk.change(row, "alice's"))
    assert (saved.outcome, saved.version) == ("saved", 3)
    assert "outside Branchkeep" in saved.message
    assert desk.row("API_KEY").version == 3


def test_somebody_outside_who_removed_it_at_the_same_moment(desk: Desk, interrupted: Any) -> None:
    row = desk.put("API_KEY")
    desk.save("alice", desk.change(row))
    row = desk.row("API_KEY")
    interrupted.before("put", lambda: desk.store.remove(desk.paths("API_KEY")[:1]))
    [saved] = desk.save("alice", desk.change(row, "alice's"))
    assert (saved.outcome, saved.version) == ("saved", 1)
    assert "outside Branchkeep" in saved.message


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("both", ["change, change", "change, remove", "create, create"])
def test_truly_at_the_same_time(desk: Desk, both: str) -> None:
    for person in ("alice", "mia"):
        desk.world.actor(person)
    for number in range(ROUNDS):
        one, other = _pair(desk, f"KEY_{number}", both)
        earlier = len(desk.trail("secret."))
        told = _together(lambda: desk.save("alice", one), lambda: desk.save("mia", other))  # noqa: B023 - awaited
        _exactly_one_won(desk, f"KEY_{number}", told, desk.trail("secret.")[earlier:])


def _pair(desk: Desk, key: str, both: str) -> tuple[SecretCommand, SecretCommand]:
    if both == "create, create":
        return desk.new(key, "alice's"), desk.new(key, "mia's")
    row = desk.put(key)
    other = desk.removal(row) if both == "change, remove" else desk.change(row, "mia's")
    return desk.change(row, "alice's"), other


def _exactly_one_won(
    desk: Desk, key: str, told: list[RowOutcome], trail: list[tuple[Any, ...]]
) -> None:
    ends = [outcome.outcome for outcome in told]
    assert ends.count(Result.CONFLICT) == 1, told
    winner, end = next(pair for pair in zip(("alice", "mia"), ends, strict=True) if pair[1] in DONE)
    assert desk.values(key)[0] == (f"{winner}'s" if end == Result.SAVED else None)
    assert [entry[0] for entry in trail if entry[4] == Outcome.SUCCEEDED] == [winner]
    assert all(entry[4] == Outcome.FAILED for entry in trail if entry[0] != winner)
    [current] = desk.store.current(desk.paths(key)[:1]).values() or [None]
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
