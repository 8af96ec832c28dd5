"""Several people save at random while others reconcile: no lost update, no false drift."""

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

pytestmark = pytest.mark.both_databases

PEOPLE = ("alice", "mia", "bob")
SAVES = 15  # by each person
RECONCILINGS = 8
KEYS = ("A", "B")
chance = SystemRandom()


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize(
    "either_store",
    ["embedded", pytest.param("moto", marks=pytest.mark.exhaustive)],
    indirect=True,
)
def test_it_works(world: World, either_store: str) -> None:
    for person in (*PEOPLE, "vera"):
        world.actor(person)
    reconcile_now(world)
    tasks: list[Callable[[], object]] = [
        lambda person=person: save_repeatedly(world, person) for person in PEOPLE
    ]
    tasks.append(lambda: [reconcile_now(world) for _ in range(RECONCILINGS)])
    with ThreadPoolExecutor(len(tasks)) as threads:
        results = [
            outcome for outcomes in threads.map(run_in_thread, tasks) for outcome in outcomes
        ]
    outcomes = [outcome for outcome in results if isinstance(outcome, RowOutcome)]
    assert {str(outcome.outcome) for outcome in outcomes} <= {"saved", "removed", "conflict"}
    done = sum(outcome.outcome in DONE for outcome in outcomes)
    assert done > len(PEOPLE)  # not only conflicts
    reconcile_now(world)
    for key in KEYS:
        assert [*audit_gaps(world, key, world.dev)] == []
        assert [*projection_errors(world, key, world.dev)] == []
    assert (leased_secrets(), audit_rows(world, "found.")) == (0, [])
    assert [entry.outcome for entry in audit_rows(world, "secret.")].count("succeeded") == done


def save_repeatedly(world: World, person: str) -> list[RowOutcome]:
    return [
        outcome
        for _ in range(SAVES)
        for outcome in save_secrets(world, *commands_now(world), by=person)
    ]


def commands_now(world: World) -> list[SecretCommand]:
    """Return what someone with a current list would save; most of it conflicts."""
    rows = {row.key: row for row in Secret.objects.filter(branch=world.dev)}
    return [random_command(world, key, rows.get(key)) for key in KEYS]


def random_command(world: World, key: str, row: Secret | None) -> SecretCommand:
    if row is None:
        return create_command(key, uuid4().hex, world.dev)
    return delete_command(row) if chance.random() < 0.2 else set_command(row, uuid4().hex)


def run_in_thread(task: Callable[[], list[object]]) -> list[object]:
    try:
        return task()
    finally:
        connections.close_all()
