"""People save at random, all at once, while checks run: nothing is lost, and nobody accused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import SystemRandom
from uuid import uuid4

import pytest
from django.db import connections

from console.lib.results import DONE, RowOutcome
from secrets_app.models import Secret
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    audit_gaps,
    audit_rows,
    create_command,
    delete_command,
    leased_secrets,
    projection_errors,
    reconcile_now,
    save_secrets,
    set_command,
)
from tests.fixtures.people import World

PEOPLE = ("alice", "mia", "bob")
SAVES = 15  # by each
CHECKS = 8
KEYS = ("A", "B")
chance = SystemRandom()


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    for person in (*PEOPLE, "vera"):
        world.actor(person)
    reconcile_now(world)
    tasks: list[Callable[[], object]] = [lambda who=who: _save(world, who) for who in PEOPLE]
    tasks.append(lambda: [reconcile_now(world) for _ in range(CHECKS)])
    with ThreadPoolExecutor(len(tasks)) as threads:
        told = [outcome for outcomes in threads.map(_run, tasks) for outcome in outcomes]
    outcomes = [outcome for outcome in told if isinstance(outcome, RowOutcome)]
    assert {str(outcome.outcome) for outcome in outcomes} <= {"saved", "removed", "conflict"}
    done = sum(outcome.outcome in DONE for outcome in outcomes)
    assert done > len(PEOPLE)  # they did not only stand in each other's way
    reconcile_now(world)
    for key in KEYS:
        assert [*audit_gaps(world, key, world.dev)] == []
        assert [*projection_errors(world, key, world.dev)] == []
    assert (leased_secrets(), audit_rows(world, "found.")) == (0, [])
    assert [entry[4] for entry in audit_rows(world, "secret.")].count("succeeded") == done


def _save(world: World, who: str) -> list[RowOutcome]:
    return [
        outcome for _ in range(SAVES) for outcome in save_secrets(world, *_changes(world), by=who)
    ]


def _changes(world: World) -> list[SecretCommand]:
    """Return what somebody does who has just looked at the list: mostly, he comes too late."""
    rows = {row.key: row for row in Secret.objects.filter(branch=world.dev)}
    return [_change(world, key, rows.get(key)) for key in KEYS]


def _change(world: World, key: str, row: Secret | None) -> SecretCommand:
    if row is None:
        return create_command(key, uuid4().hex, world.dev)
    return delete_command(row) if chance.random() < 0.2 else set_command(row, uuid4().hex)


def _run(task: Callable[[], list[object]]) -> list[object]:
    try:
        return task()
    finally:
        connections.close_all()
