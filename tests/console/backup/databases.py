"""Databases beside the test's own, and what is in them."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, connections
from django.db.utils import ConnectionHandler

from console.backup.tables import LEFT_OUT, models_of

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL;",
    },
}
TRAIL = ("console_auditevent", "console_auditoutcome", "console_auditseal")
Rows = dict[str, list[tuple[Any, ...]]]


@contextmanager
def using(place: dict[str, Any]) -> Iterator[None]:
    """Have this thread use another database than the test's."""
    here = connections["default"]
    connections["default"] = ConnectionHandler({"default": copy.deepcopy(place)})["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = here


def sqlite(path: Path) -> dict[str, Any]:
    """Return a SQLite database that is not there yet."""
    return {**SQLITE, "NAME": str(path)}


@contextmanager
def postgres(name: str) -> Iterator[dict[str, Any]]:
    """Make an empty database on the test's server; it goes with the block."""
    name = f"{connection.settings_dict['NAME']}_{name}"  # the server is all workers' own
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield {**connection.settings_dict, "NAME": name}
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def rows() -> Rows:
    """Return every row of every table of the console's, by table, in the order of its key."""
    found: Rows = {}
    for model in models_of(apps):
        fields = [field.attname for field in model._meta.concrete_fields]
        everything = model._base_manager.order_by("pk").values_list(*fields)
        found[model._meta.db_table] = [tuple(map(_comparable, row)) for row in everything]
    return found


def _comparable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def kept(found: Rows) -> Rows:
    """Leave out what a backup does, and the trail, in which a backup and a restore are entries."""
    return {name: it for name, it in found.items() if name not in {*LEFT_OUT, *TRAIL}}


def trail(found: Rows) -> Rows:
    """Return the trail alone."""
    return {name: found[name] for name in TRAIL}
