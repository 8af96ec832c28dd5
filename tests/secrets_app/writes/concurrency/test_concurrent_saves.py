"""Of two saves at the very same time, exactly one wins (guarantee 12)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from console.audit.events import Outcome
from console.lib.results import DONE, Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    save_secrets,
    secret_paths,
    set_command,
    set_secret,
    stored_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases

ROUNDS = 25


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("both", ["change, change", "change, remove", "create, create"])
def test_it_works(world: World, both: str) -> None:
    for person in ("alice", "mia"):
        world.actor(person)
    for number in range(ROUNDS):
        one, other = _pair(world, f"KEY_{number}", both)
        earlier = len(audit_rows(world, "secret."))
        outcomes = _together(
            partial(save_secrets, world, one, by="alice"),
            partial(save_secrets, world, other, by="mia"),
        )
        _exactly_one_won(world, f"KEY_{number}", outcomes, audit_rows(world, "secret.")[earlier:])


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("act", ["create", "change"])
def test_the_same_rows_in_opposite_orders(world: World, act: str) -> None:
    for person in ("alice", "mia"):
        world.actor(person)
    for number in range(5):
        keys = [f"KEY_{number}_{key}" for key in range(8)]
        rows = [set_secret(world, key) for key in keys] if act == "change" else []
        commands: dict[str, list[SecretCommand]] = {
            name: [set_command(row, f"{name}'s") for row in rows]
            or [create_command(key, f"{name}'s") for key in keys]
            for name in ("alice", "mia")
        }
        mias, alices = _all_together(
            partial(save_secrets, world, *reversed(commands["mia"]), by="mia"),
            partial(save_secrets, world, *commands["alice"], by="alice"),
        )
        for key, one, other in zip(keys, alices, reversed(mias), strict=True):
            assert {one.outcome, other.outcome} == {"saved", "conflict"}, (one, other)
            winner = "alice" if one.outcome == Result.SAVED else "mia"
            assert stored_values(world, key) == (f"{winner}'s", None)
    assert not Secret.objects.exclude(claim=None)


def _pair(world: World, key: str, both: str) -> tuple[SecretCommand, SecretCommand]:
    if both == "create, create":
        return create_command(key, "alice's"), create_command(key, "mia's")
    row = set_secret(world, key)
    other = delete_command(row) if both == "change, remove" else set_command(row, "mia's")
    return set_command(row, "alice's"), other


def _exactly_one_won(
    world: World, key: str, outcomes: list[RowOutcome], audit: list[tuple[Any, ...]]
) -> None:
    ends = [outcome.outcome for outcome in outcomes]
    assert ends.count(Result.CONFLICT) == 1, outcomes
    winner, end = next(pair for pair in zip(("alice", "mia"), ends, strict=True) if pair[1] in DONE)
    assert stored_values(world, key)[0] == (f"{winner}'s" if end == Result.SAVED else None)
    assert [row.actor for row in audit if row.outcome == Outcome.SUCCEEDED] == [winner]
    assert all(row.outcome == Outcome.FAILED for row in audit if row.actor != winner)
    [current] = parameter_store().current(secret_paths(world, key)[:1]).values() or [None]
    row = Secret.objects.filter(key=key).first()
    assert (row and (row.version, row.claim_id)) == (current and (current.version, None))


def _together(*tasks: Callable[[], list[RowOutcome]]) -> list[RowOutcome]:
    return [outcome for [outcome] in _all_together(*tasks)]


def _all_together(*tasks: Callable[[], list[RowOutcome]]) -> list[list[RowOutcome]]:
    start = Barrier(len(tasks))

    def run(task: Callable[[], list[RowOutcome]]) -> list[RowOutcome]:
        try:
            start.wait()
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return [*threads.map(run, tasks)]
