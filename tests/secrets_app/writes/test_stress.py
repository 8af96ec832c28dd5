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
from tests.secrets_app.writes.agreement import claims, differing, gaps
from tests.secrets_app.writes.desk import Desk

PEOPLE = ("alice", "mia", "bob")
SAVES = 15  # by each
CHECKS = 8
chance = SystemRandom()


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.usefixtures("either_store")
def test_it_works(desk: Desk) -> None:
    for person in (*PEOPLE, "vera"):
        desk.world.actor(person)
    desk.check()
    tasks: list[Callable[[], object]] = [lambda who=who: _save(desk, who) for who in PEOPLE]
    tasks.append(lambda: [desk.check() for _ in range(CHECKS)])
    with ThreadPoolExecutor(len(tasks)) as threads:
        told = [outcome for outcomes in threads.map(_run, tasks) for outcome in outcomes]
    outcomes = [outcome for outcome in told if isinstance(outcome, RowOutcome)]
    assert {str(outcome.outcome) for outcome in outcomes} <= {"saved", "removed", "conflict"}
    done = sum(outcome.outcome in DONE for outcome in outcomes)
    assert done > len(PEOPLE)  # they did not only stand in each other's way
    desk.check()
    places = [(desk.world.dev, key) for key in "AB"]
    assert [*gaps(desk, places)] == []
    assert [*differing(desk, places)] == []
    assert (claims(), desk.trail("found.")) == (0, [])
    assert [entry[4] for entry in desk.trail("secret.")].count("succeeded") == done


def _save(desk: Desk, who: str) -> list[RowOutcome]:
    return [outcome for _ in range(SAVES) for outcome in desk.save(who, *_changes(desk))]


def _changes(desk: Desk) -> list[SecretCommand]:
    """Return what somebody does who has just looked at the list: mostly, he comes too late."""
    rows = {row.key: row for row in Secret.objects.filter(branch=desk.world.dev)}
    return [_change(desk, key, rows.get(key)) for key in "AB"]


def _change(desk: Desk, key: str, row: Secret | None) -> SecretCommand:
    if row is None:
        return desk.new(key, uuid4().hex, desk.world.dev)
    return desk.removal(row) if chance.random() < 0.2 else desk.change(row, uuid4().hex)


def _run(task: Callable[[], list[object]]) -> list[object]:
    try:
        return task()
    finally:
        connections.close_all()
