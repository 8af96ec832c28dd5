"""Write a consistent backup of the database while others keep writing."""

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
from console.backup.errors import BackupError
from console.backup.tables import applied, check_known, columns_of, kept, table_of
from console.db.versions import models_at

NO_KEY = (
    "BACKUP_KEY is not set. Make a key as docs/backup.md shows, and keep a copy apart from the "
    "backups: without it, nobody can restore them."
)
NOT_APART = (
    "BACKUP_KEY is also used as another key. Set it to a key of its own, so that one leaked key "
    "doesn't open both the backup and Branchkeep's data."
)
BEHIND = (
    "The database has not been migrated to this version. Start Branchkeep once. To back up the "
    "data as it is now, use the version that ran until now."
)
_BEGIN = {  # a snapshot that later writes don't change
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_CHUNK_SIZE = 500  # rows fetched at a time


def back_up_to_file(*, actor: Actor, path: Path) -> Contents:
    """Write a backup to a new file, record it in the audit trail, and return its Contents.

    Raises BackupError if the key is missing, the name is taken or the disk is full.
    """
    check_keys()
    with recording(actor, Action.BACKUP_MADE, Target(subject=path.name)) as entry:
        with whole_file(path) as file:
            contents = _write(file)
        entry.detail = summary(contents)
    return contents


def back_up_to_stream(*, actor: Actor, file: BinaryIO) -> Contents:
    """Write a backup to an open stream, such as a pipe. See `back_up_to_file`."""
    check_keys()
    with recording(actor, Action.BACKUP_MADE, Target(subject="standard output")) as entry:
        contents = _write(file)
        file.flush()
        entry.detail = summary(contents)
    return contents


def check_keys() -> None:
    """Raise BackupError unless BACKUP_KEY is set and differs from all other keys."""
    if not settings.BACKUP_KEYS:
        raise BackupError(NO_KEY)
    others = {settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, *settings.AUDIT_KEYS}
    if others & set(settings.BACKUP_KEYS):
        raise BackupError(NOT_APART)


def summary(contents: Contents) -> str:
    """Return the size of a backup in words."""
    return f"{contents.rows:,} rows of {len(contents.tables)} tables"


def _write(file: BinaryIO) -> Contents:
    with _snapshot():
        contents, models = _contents()
        archive.write(file, settings.BACKUP_KEYS[0], contents, _rows(models))
    return contents


@contextmanager
def _snapshot() -> Iterator[None]:
    """Let the block read one state of the database.

    Django's atomic() won't do: on SQLite it would take the write lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _contents() -> tuple[Contents, list[type[Model]]]:
    """Return a description of the database, and the models to back up."""
    loader = MigrationLoader(connection)
    migrations = applied(loader)
    check_known(migrations, "The database")
    if set(loader.graph.nodes) - migrations:
        raise BackupError(BEHIND)
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
        yield from rows.iterator(chunk_size=_CHUNK_SIZE)
