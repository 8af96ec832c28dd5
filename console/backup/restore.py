"""A restore: an empty database becomes what a backup holds, in one transaction or not at all."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any, BinaryIO

from django.apps import apps
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model

from console.access.actors import Actor
from console.audit import chain
from console.audit.events import Action, Outcome, Target, attempt, conclude, conclude_all
from console.backup import archive
from console.backup.archive import Contents, Row, Table
from console.backup.dump import said
from console.backup.errors import BackupRefused
from console.backup.tables import (
    LEFT_OUT,
    NO_MODELS,
    check_known,
    columns_of,
    ends_of,
    models_at,
    models_of,
    set_last_id,
)
from console.models import AuditEvent

NO_KEY = "BACKUP_KEY is not set. Set it to the key the backup was made with."
NOT_EMPTY = (
    "The database is not empty: {} has rows. Nothing was changed. Point DATABASE_URL to a new "
    "database and restore into that."
)
OTHERS = (
    "The database contains tables that don't belong to Branchkeep: {}. Nothing was changed. Use "
    "a separate database (DATABASE_URL)."
)
NOT_TAKEN = "The database rejected the backup's rows of {} ({}). Nothing was changed."
MISCOUNTED = "The database did not store all rows of {}. Nothing was changed."
OTHER_COLUMNS = (
    "The columns of table {} in the backup differ from this version's. Use the version that made "
    "the backup."
)
HELD = "The backup was completed: it has since been restored."
# By a start of the console alone, and the last by its first look whether there is mail to send
FILLED_BY_ITSELF = {"django_content_type", "auth_permission", "console_noticesread"}
# What the lost database numbered after the backup was made keeps its numbers: no other row gets
# them, in no address, log or ciphertext's binding
GAP = 1_000_000
_BATCH = 500  # rows


def check(file: BinaryIO) -> Contents:
    """Read all of a backup and return its Contents.

    Raises BackupRefused where it is not whole, or nothing that this version can restore.
    """
    if not settings.BACKUP_KEYS:
        raise BackupRefused(NO_KEY)
    contents, rows = archive.read(file, settings.BACKUP_KEYS)
    check_known(_migrations(contents), "The backup")
    for _row in rows:
        pass
    return contents


def restore(*, actor: Actor, file: BinaryIO, name: str) -> Contents:
    """Fill the empty database with a backup, brought to this version's tables; record it.

    Raises BackupRefused where the backup or the database is not fit for it, or ENCRYPTION_KEYS
    lacks a key; the database is then as it was. `name` is for the audit trail.
    """
    check(file)
    file.seek(0)
    with connection.constraint_checks_disabled(), transaction.atomic(durable=True):
        _empty()
        contents, rows = archive.read(file, settings.BACKUP_KEYS)
        _fill(contents, rows)
        _come_forward()
        _go_on_counting(contents, models_of(apps))  # again: SQLite forgets it with a remade table
        _check_settings()
        _record(actor, contents, name)
    chain.seal(everywhere=True)
    return contents


def _migrations(contents: Contents) -> list[tuple[str, str]]:
    return [(app, name) for app, name in contents.migrations]


def _empty() -> None:
    """Drop the tables that a start of the console made. Raises BackupRefused where it is in use."""
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        models = [model for model in models_of(apps) if model._meta.db_table in there]
        ours = {model._meta.db_table for model in models} | (NO_MODELS & there)
        if others := sorted(there - ours):
            raise BackupRefused(OTHERS.format(", ".join(others)))
        names = [connection.ops.quote_name(table) for table in sorted(ours)]
        if names and connection.vendor == "postgresql":  # SQLite's one writer are we
            cursor.execute(f"LOCK TABLE {', '.join(names)}")
        for model in models:
            _check_empty(model)
        for quoted in names:
            cursor.execute(f"DROP TABLE {quoted}" + _cascade())


def _cascade() -> str:
    return " CASCADE" if connection.vendor == "postgresql" else ""


def _check_empty(model: type[Model]) -> None:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608 - our own names
        if cursor.fetchone() and table not in {*LEFT_OUT, *FILLED_BY_ITSELF}:
            raise BackupRefused(NOT_EMPTY.format(table))


def _fill(contents: Contents, rows: Iterator[tuple[Table, Row]]) -> None:
    """Make the tables as they were when the backup was made, and write the rows."""
    executor = MigrationExecutor(connection)
    migrations = _migrations(contents)
    executor.migrate(ends_of(executor.loader, migrations))
    registry = models_at(executor.loader, migrations)
    models = {model._meta.db_table: model for model in models_of(registry)}
    _check_columns(contents, models)
    _clear(models.values())
    for table, of_table in groupby(rows, key=lambda row: row[0]):
        _write(models[table.name], table, (row for _table, row in of_table))
    _check_filled(contents, models)
    _go_on_counting(contents, models.values())


def _come_forward() -> None:
    """Bring the tables to this version, and do what follows each migration (triggers, types)."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except IntegrityError as error:
        raise BackupRefused(NOT_TAKEN.format("all tables", type(error).__name__)) from None


def _check_columns(contents: Contents, models: dict[str, type[Model]]) -> None:
    for table in contents.tables:
        model = models.get(table.name)
        if model is None or sorted(columns_of(model)) != sorted(table.columns):
            raise BackupRefused(OTHER_COLUMNS.format(table.name))


def _clear(models: Iterable[type[Model]]) -> None:
    """Take out what migrations wrote by themselves: the backup has it too."""
    with connection.cursor() as cursor:
        for model in models:
            name = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names


def _write(model: type[Model], table: Table, rows: Iterator[Row]) -> None:
    """Write a table's rows as they are: nothing is made anew, no time, no mark, no number."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name, _type in table.columns]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join("%s" for _ in fields)
    sql = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({places})"  # noqa: S608 - our own names
    try:
        with connection.cursor() as cursor:
            while batch := [_prepared(fields, row) for row in islice(rows, _BATCH)]:
                cursor.executemany(sql, batch)
    except (DatabaseError, ValueError) as error:  # psycopg: a text with NUL is a ValueError
        raise BackupRefused(NOT_TAKEN.format(table.name, type(error).__name__)) from None


def _prepared(fields: Iterable[Any], row: Row) -> list[Any]:
    """Return a row's values as the database's driver takes them."""
    return [
        field.get_db_prep_save(
            value if field.get_internal_type() == "JSONField" else field.to_python(value),
            connection,
        )
        for field, value in zip(fields, row, strict=True)
    ]


def _check_filled(contents: Contents, models: dict[str, type[Model]]) -> None:
    for table in contents.tables:
        if models[table.name]._base_manager.count() != table.rows:
            raise BackupRefused(MISCOUNTED.format(table.name))
    try:
        connection.check_constraints()
    except IntegrityError as error:
        raise BackupRefused(NOT_TAKEN.format("all tables", type(error).__name__)) from None


def _go_on_counting(contents: Contents, models: Iterable[type[Model]]) -> None:
    """Give no number again that the backup's database gave, nor those that it gave since."""
    last_ids = {table.name: table.last_id for table in contents.tables}
    for model in models:
        if last_id := last_ids.get(model._meta.db_table):
            set_last_id(model, last_id + GAP)


def _check_settings() -> None:
    """Raise BackupRefused where the console would not start on these rows: a key is missing."""
    if errors := run_checks(tags=[Tags.database], databases=["default"]):
        raise BackupRefused(" ".join(error.msg for error in errors))


def _record(actor: Actor, contents: Contents, name: str) -> None:
    """Add the restore to the trail, and how the backup ended that was restored."""
    opened = AuditEvent.objects.filter(action=Action.BACKUP_MADE, outcomes=None)
    ids = opened.order_by("pk").values_list("pk", flat=True)
    conclude_all([(pk, Outcome.SETTLED, None, HELD) for pk in ids])
    event = attempt(actor, Action.BACKUP_RESTORED, Target(subject=name))
    detail = f"Made at {contents.made_at} on {contents.database}: {said(contents)}"
    conclude(event.pk, Outcome.SUCCEEDED, detail=detail)
