"""The content of a backup is restored exactly, and only if it is complete. No database."""

import gzip
import hmac
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pyrage
import pytest

from console.backup import age, archive
from console.backup.archive import Contents, Table, opened, write
from console.backup.errors import BackupError
from tests.console.backup.conftest import KEY, OTHER_KEY

COLUMNS = [["id", "BigAutoField"], ["it", "TextField"]]


def contents(*counts: int) -> Contents:
    """Return the description of tables with this many rows."""
    tables = [Table(f"table_{at}", COLUMNS, rows, rows) for at, rows in enumerate(counts)]
    return Contents("2026-01-01T00:00:00+00:00", "sqlite", [["console", "0001_initial"]], tables)


def backup(described: Contents, rows: Sequence[Sequence[Any]]) -> io.BytesIO:
    """Return a backup with this description and these rows."""
    file = io.BytesIO()
    write(file, KEY, described, rows)
    return io.BytesIO(file.getvalue())


def read(file: io.BytesIO, *keys: str) -> tuple[Contents, list[tuple[str, archive.Row]]]:
    """Return a backup's description, and its rows with the names of their tables."""
    with opened(file, keys or [KEY]) as (found, rows):
        return found, [(table.name, row) for table, row in rows]


def test_it_works() -> None:
    described = contents(2, 0, 1)
    rows = [[1, "é\n\x00\u2028☃"], [2, None], [1, {"é": [True, 1.5, None]}]]
    found, read_rows = read(backup(described, rows))
    assert found == described
    assert found.rows == 3
    assert read_rows == [("table_0", rows[0]), ("table_0", rows[1]), ("table_2", rows[2])]


def test_older_key() -> None:
    assert read(backup(contents(1), [[1, ""]]), OTHER_KEY, KEY)[0] == contents(1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x00\xff\n", "AP8K"),
        (memoryview(b"\x00\xff\n"), "AP8K"),
    ],
)
def test_types_that_json_lacks(value: object, text: str) -> None:
    assert read(backup(contents(1), [[1, value]]))[1] == [("table_0", [1, text])]


def test_unknown_type() -> None:
    with pytest.raises(TypeError, match="Can't back up a value of type complex"):
        backup(contents(1), [[1, 1j]])


@pytest.mark.parametrize("rows", [[[1, ""]], [[1, ""]] * 3, [[1, ""], [2]], [[1, ""], [2, "", ""]]])
def test_row_count_differs(rows: Any) -> None:
    with pytest.raises(BackupError, match="don't match its first line"):
        read(backup(contents(2), rows))


def test_unfinished_backup() -> None:
    def failing() -> Iterator[list[Any]]:
        yield [1, ""]
        raise LookupError

    file = io.BytesIO()
    with pytest.raises(LookupError):
        write(file, KEY, contents(2), failing())
    with pytest.raises(BackupError):
        read(io.BytesIO(file.getvalue()))


def test_newer_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FORMAT", 2)
    file = backup(contents(0), [])
    monkeypatch.undo()
    with pytest.raises(BackupError, match="newer version of Branchkeep"):
        read(file)


def lines(file: io.BytesIO) -> list[bytes]:
    """Return a backup's lines, opened with nothing but age and gzip."""
    identity = pyrage.x25519.Identity.from_str(KEY)
    return gzip.decompress(pyrage.decrypt(file.getvalue(), [identity])).splitlines(keepends=True)


def forged(*content: bytes) -> io.BytesIO:
    """Return a file that anyone who knows the public key can make."""
    public = pyrage.x25519.Identity.from_str(KEY).to_public()
    return io.BytesIO(pyrage.encrypt(gzip.compress(b"".join(content)), [public]))


def test_documented_format() -> None:
    """As docs/backup.md describes the format."""
    first, *rows, last = lines(backup(contents(2), [[1, "a"], [2, "b"]]))
    assert json.loads(first)["tables"][0]["rows"] == 2
    assert [json.loads(row) for row in rows] == [[1, "a"], [2, "b"]]
    key = hmac.digest(KEY.encode(), b"Branchkeep backup 1", "sha256")
    mac = hmac.digest(key, b"".join([first, *rows]), "sha256")
    assert json.loads(last) == {"hmac-sha256": mac.hex()}


def test_forged_with_the_public_key() -> None:
    first, row, last = lines(backup(contents(1), [[1, "a"]]))
    assert read(forged(first, row, last))[1] == [("table_0", [1, "a"])]
    wrong = last.replace(last[-6:-3], b"xyz")
    for content in [(first, b'[1,"b"]\n', last), (first, row, wrong), (first, row, b"{}\n")]:
        with pytest.raises(BackupError, match="not made by a holder of BACKUP_KEY"):
            read(forged(*content))


def test_hmac_is_the_last_line() -> None:
    first, row, last = lines(backup(contents(1), [[1, "a"]]))
    for content in [(first, row), (first, last), (first, row, last, row), (first, row, row, last)]:
        with pytest.raises(BackupError, match="don't match its first line"):
            read(forged(*content))


@pytest.mark.parametrize(
    "content",
    ["", "hello", "[1]", "{}", '{"format":1,"tables":[{}]}', '{"format":1}', "[" * 9_999],
    ids=["empty", "text", "array", "object", "no columns", "no tables", "deep"],
)
def test_age_file_with_other_content(content: str) -> None:
    with pytest.raises(BackupError, match="don't match its first line"):
        read(forged(content.encode()))


@pytest.mark.parametrize(
    "plain", [b"", b"no gzip", gzip.compress(bytes(99))[:-9]], ids=["empty", "text", "cut"]
)
def test_uncompressed_age_file(plain: bytes) -> None:
    file = io.BytesIO()
    age.encrypt([plain], file, KEY)
    with pytest.raises(BackupError, match="don't match its first line"):
        read(io.BytesIO(file.getvalue()))
