"""Restore a backup into an empty database, in one transaction."""

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
from console.backup.dump import summary
from console.backup.errors import BackupError
from console.backup.tables import LEFT_OUT, check_known, columns_of, set_last_id
from console.db.versions import NO_MODELS, ends_of, models_at, models_of
from console.models import AuditEvent

NO_KEY = "BACKUP_KEY is not set. Set it to the key the backup was made with."
NOT_EMPTY = (
    "The database is not empty: {} has rows. Nothing was changed. Point DATABASE_URL to a new "
    "database and restore into that."
)
FOREIGN_TABLES = (
    "The database contains tables that don't belong to Branchkeep: {}. Nothing was changed. Use "
    "a separate database (DATABASE_URL)."
)
ROWS_REJECTED = "The database rejected the backup's rows of {} ({}). Nothing was changed."
ROWS_MISSING = "The database did not store all rows of {}. Nothing was changed."
OTHER_COLUMNS = (
    "The columns of table {} in the backup differ from this version's. Use the version that made "
    "the backup."
)
HELD = "The backup was completed: it has since been restored."
# Starting Branchkeep writes rows to these tables; the last one is written by the mail worker
FILLED_AT_START = {"django_content_type", "auth_permission", "console_noticesread"}
# Ids that the lost database assigned after the backup are not used again: they are in URLs and
# logs, and ciphertexts are bound to them
ID_GAP = 1_000_000
_BATCH_SIZE = 500


def check(file: BinaryIO) -> Contents:
    """Read a whole backup and return its Contents.

    Raises BackupError if it is damaged, or made by another version that this one can't restore.
    """
    if not settings.BACKUP_KEYS:
        raise BackupError(NO_KEY)
    with archive.opened(file, settings.BACKUP_KEYS) as (contents, rows):
        check_known(_migrations(contents), "The backup")
        for _row in rows:
            pass
    return contents


def restore(*, actor: Actor, file: BinaryIO, name: str) -> Contents:
    """Restore a backup into the empty database, migrate it to this version, and record it.

    Raises BackupError and leaves the database unchanged if the backup is damaged, the database is
    not empty, or ENCRYPTION_KEYS lacks a key. `name` is what the audit trail calls the backup.
    """
    check(file)
    file.seek(0)
    with connection.constraint_checks_disabled(), transaction.atomic(durable=True):
        _drop_tables()
        with archive.opened(file, settings.BACKUP_KEYS) as (contents, rows):
            _fill(contents, rows)
        _migrate_forward()
        _bump_sequences(contents, models_of(apps))  # again: migrations on SQLite reset them
        _check_settings()
        _record(actor, contents, name)
    chain.append_links(all_rows=True)
    return contents


def _migrations(contents: Contents) -> list[tuple[str, str]]:
    return [(app, name) for app, name in contents.migrations]


def _drop_tables() -> None:
    """Drop the tables that starting Branchkeep created. Raises BackupError if they hold data."""
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        models = [model for model in models_of(apps) if model._meta.db_table in there]
        ours = {model._meta.db_table for model in models} | (NO_MODELS & there)
        if others := sorted(there - ours):
            raise BackupError(FOREIGN_TABLES.format(", ".join(others)))
        names = [connection.ops.quote_name(table) for table in sorted(ours)]
        if names and connection.vendor == "postgresql":  # on SQLite we are the only writer
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
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608 - table names
        if cursor.fetchone() and table not in {*LEFT_OUT, *FILLED_AT_START}:
            raise BackupError(NOT_EMPTY.format(table))


def _fill(contents: Contents, rows: Iterator[tuple[Table, Row]]) -> None:
    """Create the tables of the backup's version and insert its rows."""
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
    _bump_sequences(contents, models.values())


def _migrate_forward() -> None:
    """Migrate to this version. Signals after migrations create triggers and content types."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except IntegrityError as error:
        raise BackupError(ROWS_REJECTED.format("all tables", type(error).__name__)) from None


def _check_columns(contents: Contents, models: dict[str, type[Model]]) -> None:
    for table in contents.tables:
        model = models.get(table.name)
        if model is None or sorted(columns_of(model)) != sorted(table.columns):
            raise BackupError(OTHER_COLUMNS.format(table.name))


def _clear(models: Iterable[type[Model]]) -> None:
    """Delete the rows that migrations inserted: the backup has them too."""
    with connection.cursor() as cursor:
        for model in models:
            name = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - table names


def _write(model: type[Model], table: Table, rows: Iterator[Row]) -> None:
    """Insert a table's rows unchanged, bypassing field defaults and pre_save()."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name, _type in table.columns]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join("%s" for _ in fields)
    sql = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({places})"  # noqa: S608 - table names
    try:
        with connection.cursor() as cursor:
            while batch := [_prepared(fields, row) for row in islice(rows, _BATCH_SIZE)]:
                cursor.executemany(sql, batch)
    except (DatabaseError, ValueError) as error:  # psycopg raises ValueError for text with NUL
        raise BackupError(ROWS_REJECTED.format(table.name, type(error).__name__)) from None


def _prepared(fields: Iterable[Any], row: Row) -> list[Any]:
    """Return a row's values as the database driver expects them."""
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
            raise BackupError(ROWS_MISSING.format(table.name))
    try:
        connection.check_constraints()
    except IntegrityError as error:
        raise BackupError(ROWS_REJECTED.format("all tables", type(error).__name__)) from None


def _bump_sequences(contents: Contents, models: Iterable[type[Model]]) -> None:
    """Continue ids above all that the lost database can have assigned."""
    last_ids = {table.name: table.last_id for table in contents.tables}
    for model in models:
        if last_id := last_ids.get(model._meta.db_table):
            set_last_id(model, last_id + ID_GAP)


def _check_settings() -> None:
    """Raise BackupError if Branchkeep would refuse to start with these rows (a key is missing)."""
    if errors := run_checks(tags=[Tags.database], databases=["default"]):
        raise BackupError(" ".join(error.msg for error in errors))


def _record(actor: Actor, contents: Contents, name: str) -> None:
    """Record the restore, and conclude the event of the backup that was restored."""
    opened = AuditEvent.objects.filter(action=Action.BACKUP_MADE, outcomes=None)
    ids = opened.order_by("pk").values_list("pk", flat=True)
    conclude_all([(pk, Outcome.SETTLED, None, HELD) for pk in ids])
    event = attempt(actor, Action.BACKUP_RESTORED, Target(subject=name))
    detail = f"Made at {contents.made_at} on {contents.database}: {summary(contents)}"
    conclude(event.pk, Outcome.SUCCEEDED, detail=detail)
