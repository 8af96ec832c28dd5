"""What is in a backup: lines of JSON, compressed and sealed. Pure.

The first line is the Contents. After it come the rows, an array each, table by table in the order
of the Contents, which say how many there are.
"""

import gzip
import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, BinaryIO, TypeAlias, cast
from uuid import UUID

from console.backup.errors import BackupRefused
from console.backup.sealed import SealedReader, SealedWriter

FORMAT = 1
LEVEL = 6  # of compression: 9 takes twice as long for a hundredth
NEWER = "This backup was made by a newer version of Branchkeep. Restore it with that version."
INCOMPLETE = "The backup's contents don't match its table of contents. Use another backup."
Row: TypeAlias = list[Any]


@dataclass(frozen=True)
class Table:
    """A table's name, its columns with their types (Django's names), and how many rows follow.

    `last_id` is the highest number that the table ever gave to a row, and 0 where it gives none.
    """

    name: str
    columns: list[list[str]]
    rows: int
    last_id: int


@dataclass(frozen=True)
class Contents:
    """When and of what the backup was made."""

    made_at: str
    database: str  # as Django calls it: sqlite, postgresql
    migrations: list[list[str]]  # those that were applied: app, name
    tables: list[Table]

    @property
    def rows(self) -> int:
        """How many there are in all tables."""
        return sum(table.rows for table in self.tables)


@contextmanager
def writing(
    file: BinaryIO, key: str, contents: Contents
) -> Iterator[Callable[[Sequence[Any]], None]]:
    """Give a function that writes a row. An error on the way leaves a file that nobody can open."""
    sealed = SealedWriter(file, key)
    with io.TextIOWrapper(_compressed(sealed), encoding="ascii", newline="\n") as lines:

        def write(row: object) -> None:
            lines.write(json.dumps(row, default=plain, separators=(",", ":")) + "\n")

        write({"format": FORMAT, **asdict(contents)})
        yield write
    sealed.close()


def _compressed(sealed: SealedWriter) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=cast(BinaryIO, sealed), mode="wb", compresslevel=LEVEL, mtime=0)


def plain(value: Any) -> str:
    """Return what JSON has no word for: times with all their digits, UUIDs, and bytes in base64."""
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes() | memoryview():
            return b64encode(value).decode()
    raise TypeError(f"Can't back up a value of type {type(value).__name__}.")


def read(file: BinaryIO, keys: Sequence[str]) -> tuple[Contents, Iterator[tuple[Table, Row]]]:
    """Return the Contents, and the rows as they come, each with its table.

    Raises BackupRefused as SealedReader does, at once or on the way; for a newer format; and for a
    file that does not hold what its Contents say. All was read when the rows have come to an end.
    """
    raw = io.BufferedReader(SealedReader(file, keys))
    lines = io.TextIOWrapper(gzip.GzipFile(fileobj=raw), encoding="ascii", newline="\n")
    contents = _contents(json.loads(lines.readline()))
    return contents, _rows(contents, lines)


def _contents(said: dict[str, Any]) -> Contents:
    if said.pop("format") != FORMAT:
        raise BackupRefused(NEWER)
    tables = [Table(**table) for table in said.pop("tables")]
    return Contents(tables=tables, **said)


def _rows(contents: Contents, lines: io.TextIOWrapper) -> Iterator[tuple[Table, Row]]:
    for table in contents.tables:
        for _ in range(table.rows):
            row = json.loads(lines.readline() or "[]")
            if len(row) != len(table.columns):
                raise BackupRefused(INCOMPLETE)
            yield table, row
    if lines.readline():
        raise BackupRefused(INCOMPLETE)
