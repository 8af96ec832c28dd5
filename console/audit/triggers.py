"""Triggers that keep the audit tables append-only in the database itself.

The ORM, the admin and raw SQL can't bypass them. Dropping a trigger takes the tables' owner, and
the hash chain reveals what is changed afterwards.
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("console_auditevent", "console_auditoutcome", "console_auditseal")
_MESSAGE = "the audit trail is append-only"

# Trigger names after the table's name, and the query for the active ones
_NAMES = {
    "postgresql": ("append_only", "no_truncate"),
    "sqlite": ("no_update", "no_delete", "no_replace"),
}
_ACTIVE_SQL = {
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
}
_POSTGRES_FUNCTION = f"""
CREATE OR REPLACE FUNCTION console_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$
"""


def create(connection: BaseDatabaseWrapper) -> None:
    """Create missing triggers. SQLite drops them when a migration re-creates a table."""
    _execute(connection, _create_sql(connection.vendor, _tables(connection)))


def drop(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers. Only tests do this, to empty the tables."""
    _execute(connection, _drop_sql(connection.vendor, _tables(connection)))


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that were dropped or disabled."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE_SQL[connection.vendor])
        active = {name for (name,) in cursor.fetchall()}
    names = [f"{table}_{name}" for table in TABLES for name in _NAMES[connection.vendor]]
    return [name for name in names if name not in active]


def after_migrate(using: str, **_: Any) -> None:
    """Create the triggers after each migration. Receives post_migrate."""
    from django.db import connections

    create(connections[using])


def _tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the audit tables that exist: a migration may go back to an older state."""
    existing = connection.introspection.table_names()
    return [table for table in TABLES if table in existing]


def _create_sql(vendor: str, tables: Sequence[str]) -> list[str]:
    if vendor == "postgresql":
        return [_POSTGRES_FUNCTION] + [
            f"CREATE OR REPLACE TRIGGER {table}_{name} BEFORE {events} ON {table} "
            f"FOR EACH {level} EXECUTE FUNCTION console_append_only()"
            for table in tables
            for name, events, level in (
                ("append_only", "UPDATE OR DELETE", "ROW"),
                ("no_truncate", "TRUNCATE", "STATEMENT"),
            )
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_{name} BEFORE {event} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        for table in tables
        for name, event, when in (
            ("no_update", "UPDATE", ""),
            ("no_delete", "DELETE", ""),
            # INSERT OR REPLACE fires no DELETE trigger.
            ("no_replace", "INSERT", f"WHEN NEW.id IN (SELECT id FROM {table})"),  # noqa: S608 - our own names
        )
    ]


def _drop_sql(vendor: str, tables: Sequence[str]) -> list[str]:
    statement = "DROP TRIGGER IF EXISTS {0}_{1}" + (" ON {0}" if vendor == "postgresql" else "")
    return [statement.format(table, name) for table in tables for name in _NAMES[vendor]]


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
