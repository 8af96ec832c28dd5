"""What the audit tests share."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from console.lib.results import RowOutcome
from console.models import AuditEvent, AuditOutcome, Branch
from secrets_app.models import Secret
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import DeleteSecret, SetSecret
from secrets_app.writes.save import save
from tests.fixtures.people import World

FULL = {
    "sqlite": [
        "CREATE TRIGGER full_disk BEFORE INSERT ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ],
}


class Trail:
    """The audit trail since the test began to look."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Look at what comes from now on."""
        last = AuditEvent.objects.order_by("pk").last()
        self._after = last.pk if last else 0

    @property
    def events(self) -> list[AuditEvent]:
        """Return the attempts, oldest first."""
        return list(AuditEvent.objects.filter(pk__gt=self._after).order_by("pk"))

    @property
    def brief(self) -> list[tuple[str, str, str, list[str]]]:
        """Return who, what, about what and how it ended, of each attempt."""
        return [(e.actor, e.action, e.subject, outcomes(e)) for e in self.events]

    @property
    def one(self) -> AuditEvent:
        """Return the only attempt."""
        [event] = self.events
        return event


def outcomes(event: AuditEvent) -> list[str]:
    """Return how an attempt ended, in order."""
    return [outcome.outcome for outcome in event.outcomes.order_by("pk")]


@pytest.fixture
def trail(world: World) -> Trail:
    """Return the audit trail, with nothing in it yet but what made the world."""
    return Trail()


@pytest.fixture
def write(world: World) -> Callable[..., RowOutcome]:
    """Return a function that saves one change as somebody; the outcome comes back."""

    def write(name: str = "alice", **change: Any) -> RowOutcome:
        text = change.pop("value", None)
        command = (
            DeleteSecret("1", **change)
            if text is None
            else SetSecret("1", value=SecretValue(text), **change)
        )
        [outcome] = save(
            actor=world.actor(name),
            app_id="d1shop",
            commands=[command],
            change_set=uuid4(),
        )
        return outcome

    return write


@pytest.fixture
def make_secret(write: Callable[..., RowOutcome]) -> Callable[..., Secret]:
    """Return a function that adds a secret on a branch; None is All branches."""

    def make(branch: Branch | None, key: str = "API_KEY", value: str = "first") -> Secret:
        outcome = write(key=key, branch_id=branch.pk if branch else None, value=value)
        return Secret.objects.get(pk=outcome.pk)

    return make


@pytest.fixture
def secret(world: World, make_secret: Callable[..., Secret]) -> Secret:
    """Return a secret on the branch dev."""
    return make_secret(world.dev)


@pytest.fixture
def full(db: None) -> Iterator[Callable[[type], None]]:
    """Return a function that lets the database refuse every further row of an audit table."""

    triggers = []

    def refuse(model: type[AuditEvent | AuditOutcome]) -> None:
        table = model._meta.db_table
        with connection.cursor() as cursor:
            for statement in FULL[connection.vendor]:
                cursor.execute(statement.format(table=table))
        triggers.append(table)

    yield refuse
    with connection.cursor() as cursor:
        for table in triggers:
            on = f"ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER full_disk {on}")
