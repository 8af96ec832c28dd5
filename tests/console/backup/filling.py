"""A row or two for any table: something in every column, whatever the table is."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, Model

ROWS = (1, 2)
# What the first version had of the console's own; of Django's and allauth's tables, all
FIRST = [
    ("console", "0001_initial"),
    ("secrets_app", "0001_initial"),
    ("envvars_app", "0001_initial"),
]
OURS = {app for app, _name in FIRST}


def first_version() -> tuple[MigrationExecutor, list[tuple[str, str]]]:
    """Make the first version's tables; return the executor, and the migrations it did."""
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
    if table == "console_member" and name == "group":  # a person or a group
        return None
    if name == "mark":  # none, as before there were marks
        return ""
    other = field.related_model
    if isinstance(other, type) and other._meta.db_table not in filled:
        return other._base_manager.order_by("pk").values_list("pk", flat=True)[number - 1]
    match field.get_internal_type():
        case "CharField" | "TextField" | "SlugField" | "EmailField":
            return f"{name} {number} é\n\t'☃"[: field.max_length]
        case "DateTimeField":
            return datetime(2026, 1, number, 12, 30, 59, 120_003 * number, UTC)
        case "BooleanField":
            return number == 1
        case "JSONField":
            return {"é": [None, True, number], "": "\x00 \\"[1:]}
        case "BinaryField":
            return bytes([0, number, 255, 10])
        case "UUIDField":
            return uuid.UUID(int=number << 100)
        case "GenericIPAddressField":
            return f"192.0.2.{number}"
    return number  # numbers, and references to rows
