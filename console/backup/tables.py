"""The tables a backup holds, and their columns at a given set of migrations."""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from console.backup.archive import Table
from console.backup.errors import BackupError
from console.db.versions import PAST_APPS, models_of, unknown_migrations

# Tables that are not backed up, with the reason
LEFT_OUT = {
    "console_session": "all users sign in again, so sessions that have ended stay ended",
    "console_accountlink": "one-time links end with the database they were made in",
    "console_notice": "notifications that were waiting have been sent since",
    "console_refusedrequests": "counts of the last minute, whose events are in the audit trail",
    "account_emailconfirmation": "Branchkeep sends no confirmation mails",
    "socialaccount_socialtoken": "provider tokens, which Branchkeep does not store",
    "secrets_app_callminute": "call statistics of the last day",
}
NEWER = (
    "{} was made by a newer version of Branchkeep, or by another program. Use the version that "
    "made it. This version does not know {}."
)


def kept(registry: Any) -> list[type[Model]]:
    """Return the models whose rows are backed up."""
    return [model for model in models_of(registry) if model._meta.db_table not in LEFT_OUT]


def applied(loader: MigrationLoader) -> set[tuple[str, str]]:
    """Return the applied migrations, without those of removed apps."""
    return {key for key in loader.applied_migrations or () if key[0] not in PAST_APPS}


def check_known(migrations: Iterable[tuple[str, str]], what: str) -> None:
    """Raise BackupError if this version lacks any of the migrations. `what` starts the message."""
    if unknown := unknown_migrations(migrations):
        raise BackupError(NEWER.format(what, ", ".join(".".join(it) for it in unknown)))


def columns_of(model: type[Model]) -> list[list[str]]:
    """Return a table's columns as [name, Django field type]."""
    return [[field.attname, field.get_internal_type()] for field in model._meta.concrete_fields]


def table_of(model: type[Model]) -> Table:
    """Return a description of a table's present content."""
    meta = model._meta
    return Table(meta.db_table, columns_of(model), model._base_manager.count(), _last_id(model))


def _last_id(model: type[Model]) -> int:
    """Return the highest id a table has assigned, including to rows deleted since."""
    if model._meta.auto_field is None:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            query = "SELECT max(seq) FROM sqlite_sequence WHERE name = %s"
            cursor.execute(query, [model._meta.db_table])
        else:
            cursor.execute(f"SELECT last_value FROM {_sequence(model)}")  # noqa: S608 - sequence name
        return int(cursor.fetchone()[0] or 0)


def set_last_id(model: type[Model], last_id: int) -> None:
    """Make a table continue after this id."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            name = model._meta.db_table
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [name])
            cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [name, last_id])
        else:
            cursor.execute("SELECT setval(%s, %s)", [_sequence(model), last_id])


def _sequence(model: type[Model]) -> str:
    """Return the name of a table's id sequence (PostgreSQL only)."""
    quoted = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [quoted, model._meta.pk.column])
        return str(cursor.fetchone()[0])
