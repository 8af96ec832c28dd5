"""Many rows are leased and committed together; each is still written and reported by itself.

A process that is killed in between loses nothing (guarantee 8).
"""

from typing import Any

import pytest
from django.db import DatabaseError

from secrets_app.models import LeaseStage, Secret
from secrets_app.writes import batches, endings, leases
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    expire_leases,
    leased_secrets,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    secret_versions,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, deny_access, kill_process

KEYS = ("A", "B", "C", "D")


def stages() -> dict[str, str]:
    """Return the stages of the leases by key."""
    return dict(Secret.objects.order_by("key").values_list("key", "claim_stage"))


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    changed, removed = (set_secret(world, key, branch=world.main) for key in "AB")
    taken = set_secret(world, "C", branch=world.main, by="mia")
    outcomes = save_secrets(
        world,
        create_command("NEW", branch=world.main),
        set_command(changed),
        delete_command(removed),
        set_command(taken, expected_version=0),
        create_command("b a d"),
        create_command("NEW", "other", world.dev),
    )
    assert [outcome.outcome for outcome in outcomes] == [
        "saved", "saved", "removed", "conflict", "refused", "saved",
    ]  # fmt: skip
    assert secret_versions(world) == {
        ("main", "NEW"): 1, ("main", "A"): 2, ("main", "C"): 1, ("dev", "NEW"): 1,
    }  # fmt: skip
    assert stored_values(world, "NEW", world.main) == ("first", "first")
    assert stored_values(world, "NEW", world.dev) == ("other", "other")
    assert stored_values(world, "A", world.main) == ("second", "second")
    assert stored_values(world, "B", world.main) == (None, None)
    assert stored_values(world, "C", world.main) == ("first", "first")
    assert leased_secrets() == 0
    reconcile_now(world)
    assert audit_rows(world, "found.") == []


@pytest.mark.usefixtures("either_store")
def test_more_rows_than_a_batch(world: World) -> None:
    keys = [f"KEY_{number:03}" for number in range(batches.BATCH + 2)]
    outcomes = save_secrets(world, *map(create_command, keys))
    assert {outcome.outcome for outcome in outcomes} == {"saved"}
    assert sorted(key for _, key in secret_versions(world)) == keys
    assert [entry.outcome for entry in audit_rows(world)] == ["succeeded"] * len(keys)


def test_killed_in_the_middle(world: World, interrupted: InterruptedStore) -> None:
    rows = [set_secret(world, key) for key in KEYS]
    interrupted.after("put", lambda: interrupted.after("put", kill_process))
    with pytest.raises(Killed):
        save_secrets(world, *map(set_command, rows))
    assert stages() == {
        "A": LeaseStage.CALLED, "B": LeaseStage.CALLED,
        "C": LeaseStage.TAKEN, "D": LeaseStage.TAKEN,
    }  # fmt: skip
    [again] = save_secrets(world, set_command(rows[3], "again"))  # which was not called
    assert again.outcome == "saved"
    expire_leases()
    reconcile_now(world)
    ends = [entry[2:] for entry in audit_rows(world)[len(KEYS) :]]
    assert ends == [
        ("A", 1, "settled", 2), ("B", 1, "settled", 2), ("C", 1, "settled", 1),
        ("D", 1, "settled", 1), ("D", 1, "succeeded", 2),
    ]  # fmt: skip
    assert [stored_values(world, key)[0] for key in KEYS] == ["second", "second", "first", "again"]
    assert leased_secrets() == 0


def test_a_slow_store(
    world: World, interrupted: InterruptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "COMMIT_AFTER", 0.0)
    rows = [set_secret(world, key) for key in KEYS[:3]]
    shown: list[Any] = []

    def look() -> None:
        shown.append((stages(), secret_versions(world)))

    interrupted.before("put", lambda: interrupted.before("put", look))
    outcomes = save_secrets(world, *map(set_command, rows))
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    # The first is committed before the batch ends.
    versions = {("", "A"): 2, ("", "B"): 1, ("", "C"): 1}
    assert shown == [({"A": "", "B": LeaseStage.CALLED, "C": LeaseStage.TAKEN}, versions)]
    assert leased_secrets() == 0


def test_the_leases_of_waiting_rows_are_renewed(
    world: World, interrupted: InterruptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "COMMIT_AFTER", 0.0)
    rows = [set_secret(world, key) for key in KEYS[:3]]
    waiting: list[str] = []

    def save_as_mia() -> None:
        [outcome] = save_secrets(world, set_command(rows[2], "mia's"), by="mia")
        waiting.append(outcome.outcome)

    interrupted.before("put", expire_leases)
    interrupted.after("put", lambda: interrupted.before("put", save_as_mia))
    outcomes = save_secrets(world, *map(set_command, rows))
    assert waiting == ["conflict"]
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert stored_values(world, "C") == ("second", None)


def test_a_row_is_taken_over(world: World, interrupted: InterruptedStore) -> None:
    rows = [set_secret(world, key) for key in KEYS[:3]]
    others: list[str] = []

    def save_in_another_tab() -> None:
        [outcome] = save_secrets(world, set_command(rows[1], "other tab"))
        others.append(outcome.outcome)

    interrupted.after("put", save_in_another_tab)
    outcomes = save_secrets(world, *map(set_command, rows))
    assert others == ["saved"]
    assert [outcome.outcome for outcome in outcomes] == ["saved", "conflict", "saved"]
    assert stored_values(world, "B") == ("other tab", None)
    assert [entry.outcome for entry in audit_rows(world) if entry.key == "B"] == [
        "succeeded", "settled", "succeeded",
    ]  # fmt: skip


def test_a_row_changed_since_it_was_read(world: World, interrupted: InterruptedStore) -> None:
    rows = [set_secret(world, key) for key in KEYS[:3]]
    interrupted.after(
        "current", lambda: save_secrets(world, set_command(rows[1], "mia's"), by="mia")
    )
    outcomes = save_secrets(world, *map(set_command, rows))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "conflict", "saved"]
    assert outcomes[1].message.startswith("mia@example.org changed this secret")
    assert stored_values(world, "B") == ("mia's", None)


@pytest.mark.usefixtures("either_store")
def test_a_creation_meets_an_existing_parameter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, acquire_all = secret_paths(world, "B")[0], leases.acquire_all

    def write_first(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        write_outside(taken, "theirs")
        return acquire_all(*arguments, **options)

    monkeypatch.setattr(leases, "acquire_all", write_first)
    outcomes = save_secrets(world, *map(create_command, KEYS))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "conflict", "saved", "saved"]
    assert outcomes[1].message.startswith("Someone outside Branchkeep added this secret")
    assert stored_values(world, "B")[0] == "theirs"
    assert ("", "B") not in secret_versions(world)
    assert [entry.outcome for entry in audit_rows(world)] == [
        "succeeded", "failed", "succeeded", "succeeded",
    ]  # fmt: skip


def test_a_refused_row_stops_nothing(world: World, interrupted: InterruptedStore) -> None:
    interrupted.after("put", lambda: interrupted.before("put", deny_access))
    outcomes = save_secrets(world, *map(create_command, KEYS))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "failed", "saved", "saved"]
    assert {key for _, key in secret_versions(world)} == {"A", "C", "D"}


@pytest.mark.usefixtures("interrupted")
def test_outcomes_that_can_not_be_committed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [set_secret(world, key) for key in KEYS[:2]]

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(endings, "commit", fail)
        outcomes = save_secrets(world, *map(set_command, rows))
    assert [outcome.outcome for outcome in outcomes] == ["unknown", "unknown"]
    expire_leases()
    reconcile_now(world)
    assert [secret_row(world, key).version for key in "AB"] == [2, 2]
    assert [entry.outcome for entry in audit_rows(world)][2:] == ["settled", "settled"]


def test_a_batch_that_is_rolled_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the embedded store, a batch is one transaction."""
    rows = [set_secret(world, key) for key in KEYS[:2]]

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(endings, "commit", fail)
        outcomes = save_secrets(world, *map(set_command, rows))
    assert [outcome.outcome for outcome in outcomes] == ["unknown", "unknown"]
    assert [stored_values(world, key)[0] for key in "AB"] == ["first", "first"]
    again = save_secrets(world, *map(set_command, rows))  # at once: nothing was called
    assert [outcome.outcome for outcome in again] == ["saved", "saved"]
