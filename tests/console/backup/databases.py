"""Other databases than the test's own, and their rows."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, connections
from django.db.utils import ConnectionHandler

from console.backup.tables import LEFT_OUT
from console.db.versions import models_of

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL;",
    },
}
AUDIT_TABLES = ("console_auditevent", "console_auditoutcome", "console_auditseal")
Rows = dict[str, list[tuple[Any, ...]]]


@contextmanager
def using(database: dict[str, Any]) -> Iterator[None]:
    """Make this thread use another database."""
    original = connections["default"]
    connections["default"] = ConnectionHandler({"default": copy.deepcopy(database)})["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = original


def sqlite(path: Path) -> dict[str, Any]:
    """Return the configuration of a new SQLite database."""
    return {**SQLITE, "NAME": str(path)}


@contextmanager
def postgres(name: str) -> Iterator[dict[str, Any]]:
    """Create an empty database on the test's server, and drop it after the block."""
    name = f"{connection.settings_dict['NAME']}_{name}"  # all workers share the server
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield {**connection.settings_dict, "NAME": name}
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def rows() -> Rows:
    """Return every row of every table, by table name, ordered by primary key."""
    found: Rows = {}
    for model in models_of(apps):
        fields = [field.attname for field in model._meta.concrete_fields]
        everything = model._base_manager.order_by("pk").values_list(*fields)
        found[model._meta.db_table] = [tuple(map(_comparable, row)) for row in everything]
    return found


def _comparable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def without_audit(found: Rows) -> Rows:
    """Return the tables of a backup, without the audit log, to which backup and restore add."""
    return {name: it for name, it in found.items() if name not in {*LEFT_OUT, *AUDIT_TABLES}}


def audit_tables(found: Rows) -> Rows:
    """Return only the audit tables."""
    return {name: found[name] for name in AUDIT_TABLES}
