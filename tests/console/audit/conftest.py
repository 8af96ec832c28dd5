"""A database that rejects audit rows, as a full disk would."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.db.models import Model

REJECT_INSERTS = {
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


@pytest.fixture
def fail_inserts(db: None) -> Iterator[Callable[[type[Model]], None]]:
    """Return a function that makes the database reject every further row of a model."""
    tables = []

    def fail(model: type[Model]) -> None:
        table = model._meta.db_table
        with connection.cursor() as cursor:
            for statement in REJECT_INSERTS[connection.vendor]:
                cursor.execute(statement.format(table=table))
        tables.append(table)

    yield fail
    with connection.cursor() as cursor:
        for table in tables:
            on = f"ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER full_disk {on}")
