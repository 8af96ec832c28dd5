"""Two sample rows for any table, with a value in every column."""

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, Model

ROWS = (1, 2)
# Our migrations in the first version; all of Django's and allauth's are applied
FIRST = [
    ("console", "0001_initial"),
    ("secrets_app", "0001_initial"),
    ("envvars_app", "0001_initial"),
]
OURS = {app for app, _name in FIRST}


def first_version() -> tuple[MigrationExecutor, list[tuple[str, str]]]:
    """Create the first version's tables; return the executor and the applied migrations."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    executor.migrate([*FIRST, *(node for node in leaves if node[0] not in OURS)])
    executor.loader.build_graph()
    return executor, sorted(executor.loader.applied_migrations)


def fill(models: Iterable[type[Model]]) -> None:
    """Add two rows to each table; row N refers to the Nth row of other tables."""
    models = list(models)
    there = {model._meta.db_table for model in models}
    with connection.constraint_checks_disabled(), transaction.atomic():
        for model in models:
            for number in ROWS:
                _insert(model, number, there)
        connection.check_constraints()
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(sql)


def _insert(model: type[Model], number: int, filled: set[str]) -> None:
    fields = model._meta.concrete_fields
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    values = [field.get_db_prep_save(_value(field, number, filled), connection) for field in fields]
    places = ", ".join("%s" for _ in fields)
    table = quote(model._meta.db_table)
    sql = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _value(field: "Field[Any, Any]", number: int, filled: set[str]) -> Any:
    table, name = field.model._meta.db_table, field.name
    if table == "console_member" and name == "group":  # either a person or a group
        return None
    if name == "mark":  # as in rows older than the signatures
        return ""
    other = field.related_model
    if isinstance(other, type) and other._meta.db_table not in filled:
        return other._base_manager.order_by("pk").values_list("pk", flat=True)[number - 1]
    sample = SAMPLES.get(field.get_internal_type())
    return sample(field, number) if sample else number  # numbers, and references to rows


SAMPLES: dict[str, Callable[["Field[Any, Any]", int], Any]] = {
    **dict.fromkeys(
        ("CharField", "TextField", "SlugField", "EmailField"),
        lambda field, number: f"{field.name} {number} é\n\t'☃"[: field.max_length],
    ),
    "DateTimeField": lambda _, number: datetime(2026, 1, number, 12, 30, 59, 120_003 * number, UTC),
    "BooleanField": lambda _, number: number == 1,
    "JSONField": lambda _, number: {"é": [None, True, number], "": "\x00 \\"[1:]},
    "BinaryField": lambda _, number: bytes([0, number, 255, 10]),
    "UUIDField": lambda _, number: uuid.UUID(int=number << 100),
    "GenericIPAddressField": lambda _, number: f"192.0.2.{number}",
}
