"""A backup: everything in the database that a restore needs, as it was at one moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.utils import timezone

from console.access.actors import Actor
from console.audit.events import Action, Target, recording
from console.backup import archive
from console.backup.archive import Contents
from console.backup.atomic_file import whole_file
from console.backup.errors import BackupRefused
from console.backup.tables import applied, check_known, columns_of, kept, models_at, table_of

NO_KEY = (
    "BACKUP_KEY is not set. Set it to at least 50 random characters, and keep a copy away from "
    "the backups: nobody can restore a backup without it."
)
NOT_APART = (
    "BACKUP_KEY is also used as another key. Set it to a key of its own, so that one leaked key "
    "doesn't open both the backup and Branchkeep's data."
)
BEHIND = (
    "The database has not been migrated to this version. Start Branchkeep once. To back up the "
    "data as it is now, use the version that ran until now."
)
_BEGIN = {  # one state of the database, while others write on
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_ROWS = 500  # that the database hands out at a time


def back_up_to_file(*, actor: Actor, path: Path) -> Contents:
    """Write a backup to a new file and return its Contents; it is an entry of the audit trail.

    Raises BackupRefused where the key is missing, the name is taken or the disk is full.
    """
    check_keys()
    with recording(actor, Action.BACKUP_MADE, Target(subject=path.name)) as entry:
        with whole_file(path) as file:
            contents = _write(file)
        entry.detail = said(contents)
    return contents


def back_up_to_stream(*, actor: Actor, file: BinaryIO) -> Contents:
    """Write a backup to what is open, such as a pipe, as `back_up_to_file` does."""
    check_keys()
    with recording(actor, Action.BACKUP_MADE, Target(subject="standard output")) as entry:
        contents = _write(file)
        file.flush()
        entry.detail = said(contents)
    return contents


def check_keys() -> None:
    """Raise BackupRefused unless there is a key, and it is no other key of the console's."""
    if not settings.BACKUP_KEYS:
        raise BackupRefused(NO_KEY)
    others = {settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, *settings.AUDIT_KEYS}
    if others & set(settings.BACKUP_KEYS):
        raise BackupRefused(NOT_APART)


def said(contents: Contents) -> str:
    """Return in words how much a backup holds."""
    return f"{contents.rows:,} rows of {len(contents.tables)} tables"


def _write(file: BinaryIO) -> Contents:
    with _snapshot():
        contents, models = _contents()
        with archive.writing(file, settings.BACKUP_KEYS[0], contents) as write:
            for row in _rows(models):
                write(row)
    return contents


@contextmanager
def _snapshot() -> Iterator[None]:
    """Read one state of the database to the end of the block.

    Not Django's atomic(): on SQLite it would take the one place for a writer.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _contents() -> tuple[Contents, list[type[Model]]]:
    """Describe the database as it is; return with it the models of what is kept of it."""
    loader = MigrationLoader(connection)
    migrations = applied(loader)
    check_known(migrations, "The database")
    if set(loader.graph.nodes) - migrations:
        raise BackupRefused(BEHIND)
    models = kept(models_at(loader, migrations))
    contents = Contents(
        made_at=timezone.now().isoformat(timespec="seconds"),
        database=connection.vendor,
        migrations=[[*key] for key in sorted(migrations)],
        tables=[table_of(model) for model in models],
    )
    return contents, models


def _rows(models: list[type[Model]]) -> Iterator[Any]:
    for model in models:
        names = [name for name, _type in columns_of(model)]
        rows = model._base_manager.order_by("pk").values_list(*names)
        yield from rows.iterator(chunk_size=_ROWS)
