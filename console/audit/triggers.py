"""Triggers that keep the audit tables append-only in the database itself.

The ORM, the admin and raw SQL can't bypass them, nor can PostgreSQL's session_replication_role.
Dropping a trigger takes the tables' owner, and the hash chain reveals what is changed afterwards.
"""

from collections.abc import Iterator
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("console_auditevent", "console_auditoutcome", "console_auditseal")
_MESSAGE = "the audit trail is append-only"

_SQLITE = {  # by the end of the trigger's name
    "no_update": "BEFORE UPDATE ON {0}",
    "no_delete": "BEFORE DELETE ON {0}",
    # INSERT OR REPLACE fires no DELETE trigger
    "no_replace": "BEFORE INSERT ON {0} WHEN NEW.id IN (SELECT id FROM {0})",
}
_SQLITE_BODY = f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
_POSTGRES = {
    "append_only": "BEFORE UPDATE OR DELETE ON {0} FOR EACH ROW",
    "no_truncate": "BEFORE TRUNCATE ON {0} FOR EACH STATEMENT",
}
_POSTGRES_BODY = f" BEGIN RAISE EXCEPTION '{_MESSAGE}'; END "
_POSTGRES_FUNCTION = (
    "CREATE OR REPLACE FUNCTION console_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$${_POSTGRES_BODY}$$"
)
# Those that fire always, without a condition and for the right events (the bits of tgtype are in
# PostgreSQL's pg_trigger.h), and whose function is ours
_POSTGRES_INTACT = f"""
    SELECT tgname FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid AND pg_table_is_visible(tgrelid)
    JOIN pg_proc ON pg_proc.oid = tgfoid AND prosrc = '{_POSTGRES_BODY.replace("'", "''")}'
    WHERE tgenabled = 'A' AND tgqual IS NULL AND tgattr::text = '' AND (tgname, tgtype) IN
    ((relname || '_append_only', 1 + 2 + 8 + 16), (relname || '_no_truncate', 2 + 32))
"""  # noqa: S608 - our own text


def create(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers unless all are intact.

    SQLite drops them when a migration re-creates a table. Those that 0.1.0 created on PostgreSQL
    don't fire if session_replication_role is "replica".
    """
    if missing(connection):
        with transaction.atomic(using=connection.alias):
            _execute(connection, [*_drop_sql(connection), *_create_sql(connection)])


def drop(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers. Only tests do this, to empty the tables."""
    _execute(connection, [*_drop_sql(connection)])


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that were dropped, disabled or changed."""
    find = _intact_on_postgres if connection.vendor == "postgresql" else _intact_on_sqlite
    intact = find(connection)
    names = [f"{table}_{name}" for table in TABLES for name in _triggers(connection)]
    return [name for name in names if name not in intact]


def after_migrate(using: str, **_: Any) -> None:
    """Create the triggers after each migration. Receives post_migrate."""
    create(connections[using])


def _triggers(connection: BaseDatabaseWrapper) -> dict[str, str]:
    return _POSTGRES if connection.vendor == "postgresql" else _SQLITE


def _existing_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the audit tables that exist: a migration may go back to an older state."""
    existing = connection.introspection.table_names()
    return [table for table in TABLES if table in existing]


def _intact_on_postgres(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRES_INTACT)
        return {name for (name,) in cursor.fetchall()}


def _intact_on_sqlite(connection: BaseDatabaseWrapper) -> set[str]:
    expected = {
        (f"{table}_{name}", f"CREATE TRIGGER {table}_{name} {when.format(table)} {_SQLITE_BODY}")
        for table in TABLES
        for name, when in _SQLITE.items()
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {row[0] for row in cursor.fetchall() if tuple(row) in expected}


def _create_sql(connection: BaseDatabaseWrapper) -> Iterator[str]:
    if connection.vendor == "postgresql":
        yield _POSTGRES_FUNCTION
    for table in _existing_tables(connection):
        for name, when in _triggers(connection).items():
            trigger = f"{table}_{name} {when.format(table)}"
            if connection.vendor == "postgresql":
                yield f"CREATE TRIGGER {trigger} EXECUTE FUNCTION console_append_only()"
                yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}"
            else:
                yield f"CREATE TRIGGER {trigger} {_SQLITE_BODY}"


def _drop_sql(connection: BaseDatabaseWrapper) -> Iterator[str]:
    statement = "DROP TRIGGER IF EXISTS {1}" + (" ON {0}" * (connection.vendor == "postgresql"))
    for table in _existing_tables(connection):
        for name in _triggers(connection):
            yield statement.format(table, f"{table}_{name}")


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
