"""The content of a backup: JSON lines, compressed with gzip and encrypted with age. No Django.

The first line describes the backup (Contents). It is followed by the rows, one array per line, in
the order of the tables and as many as their counts. The last line is an HMAC of all lines before
it. age doesn't authenticate the sender: anyone who learns the public key of BACKUP_KEY can encrypt
for it, but only its holder can compute the HMAC.
"""

import gzip
import hmac
import io
import json
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, BinaryIO, TypeAlias
from uuid import UUID

from console.backup import age
from console.backup.errors import BackupError

FORMAT = 1
COMPRESSION_LEVEL = 6  # 9 takes twice as long and saves 1 %
CHUNK_BYTES = 65_536
MAC_CONTEXT = b"Branchkeep backup 1"
MAC_FIELD = "hmac-sha256"
NEWER = "This backup was made by a newer version of Branchkeep. Restore it with that version."
INCOMPLETE = "The backup's contents don't match its first line. Use another backup."
FORGED = "The backup was not made by a holder of BACKUP_KEY: its HMAC is wrong. Use another backup."
Row: TypeAlias = list[Any]


@dataclass(frozen=True)
class Table:
    """A table's name, columns with Django's field types, and number of rows.

    `last_id` is the highest id the table has ever assigned, or 0 if it assigns none.
    """

    name: str
    columns: list[list[str]]
    rows: int
    last_id: int


@dataclass(frozen=True)
class Contents:
    """What a backup holds, and where it comes from."""

    made_at: str
    database: str  # Django's vendor name: sqlite, postgresql
    migrations: list[list[str]]  # applied ones, as [app, name]
    tables: list[Table]

    @property
    def rows(self) -> int:
        """Return the number of rows in all tables."""
        return sum(table.rows for table in self.tables)


def write(file: BinaryIO, key: str, contents: Contents, rows: Iterable[Sequence[Any]]) -> None:
    """Write a backup. If `rows` or the file raises, the file is incomplete and doesn't open."""
    age.encrypt(_compressed(_signed(_lines(contents, rows), key)), file, key)


def _lines(contents: Contents, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    yield _line({"format": FORMAT, **asdict(contents)})
    for row in rows:
        yield _line(row)


def _line(data: object) -> bytes:
    return json.dumps(data, default=_to_text, separators=(",", ":")).encode() + b"\n"


def _signed(lines: Iterable[bytes], key: str) -> Iterator[bytes]:
    mac = _mac(key)
    for line in lines:
        mac.update(line)
        yield line
    yield _line({MAC_FIELD: mac.hexdigest()})


def _mac(key: str) -> hmac.HMAC:
    """Return an HMAC. Its key is derived from BACKUP_KEY, which itself only decrypts."""
    derived = hmac.digest(key.encode(), MAC_CONTEXT, "sha256")
    return hmac.new(derived, digestmod="sha256")


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    buffer = io.BytesIO()
    with gzip.GzipFile(
        fileobj=buffer, mode="wb", compresslevel=COMPRESSION_LEVEL, mtime=0
    ) as compressor:
        for line in lines:
            compressor.write(line)
            if buffer.tell() >= CHUNK_BYTES:
                yield _drain(buffer)
    yield buffer.getvalue()


def _drain(buffer: io.BytesIO) -> bytes:
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data


def _to_text(value: Any) -> str:
    """Return a value that JSON has no type for: times in ISO 8601, UUIDs, and bytes in base64."""
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes() | memoryview():
            return b64encode(value).decode()
    raise TypeError(f"Can't back up a value of type {type(value).__name__}.")


@contextmanager
def opened(
    file: BinaryIO, keys: Sequence[str]
) -> Iterator[tuple[Contents, Iterator[tuple[Table, Row]]]]:
    """Yield the Contents of a backup and an iterator over its rows, each with its table.

    Raises BackupError if no key opens it, if its format is newer, or if it was changed, cut off
    or forged. Trust the rows only after the iterator has ended: the HMAC comes last.
    """
    with age.decrypted(file, keys) as compressed:
        lines = _Lines(compressed, keys)
        contents = _contents(lines.next())
        yield contents, _rows(contents, lines)


class _Lines:
    """Reads a backup's lines and computes the expected HMAC for each key."""

    def __init__(self, compressed: BinaryIO, keys: Sequence[str]) -> None:
        self._lines = gzip.GzipFile(fileobj=compressed)
        self._macs = [_mac(key) for key in keys]

    def next(self) -> Any:
        """Return the next line's data, or None at the end."""
        line = self._read()
        for mac in self._macs:
            mac.update(line)
        return _parsed(line)

    def check_end(self) -> None:
        """Raise BackupError unless the last line follows, and it is the HMAC of all others."""
        last = _parsed(self._read())
        if not isinstance(last, dict) or self._read():
            raise BackupError(INCOMPLETE)
        found = str(last.get(MAC_FIELD)).encode()
        if not any(hmac.compare_digest(mac.hexdigest().encode(), found) for mac in self._macs):
            raise BackupError(FORGED)

    def _read(self) -> bytes:
        try:
            return self._lines.readline()
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise BackupError(INCOMPLETE) from None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line or b"null")
    except (ValueError, RecursionError):
        raise BackupError(INCOMPLETE) from None


def _contents(first: Any) -> Contents:
    try:
        if first.pop("format") != FORMAT:
            raise BackupError(NEWER)
        tables = [Table(**table) for table in first.pop("tables")]
        return Contents(tables=tables, **first)
    except (AttributeError, KeyError, TypeError):
        raise BackupError(INCOMPLETE) from None


def _rows(contents: Contents, lines: _Lines) -> Iterator[tuple[Table, Row]]:
    for table in contents.tables:
        for _ in range(table.rows):
            row = lines.next()
            if not isinstance(row, list) or len(row) != len(table.columns):
                raise BackupError(INCOMPLETE)
            yield table, row
    lines.check_end()
