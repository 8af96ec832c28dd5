"""What is in a backup comes out as it went in, and as much of it. No database."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from console.backup import archive
from console.backup.archive import Contents, Table, read, writing
from console.backup.errors import BackupRefused

KEY = "a-key-of-backups-alone-for-tests-alone"
COLUMNS = [["id", "BigAutoField"], ["it", "TextField"]]


def contents(*counts: int) -> Contents:
    """Describe tables with that many rows."""
    tables = [Table(f"table_{at}", COLUMNS, rows, rows) for at, rows in enumerate(counts)]
    return Contents("2026-01-01T00:00:00+00:00", "sqlite", [["console", "0001_initial"]], tables)


def written(described: Contents, rows: Sequence[Sequence[Any]]) -> io.BytesIO:
    """Return a backup that says this of itself and holds these rows."""
    file = io.BytesIO()
    with writing(file, KEY, described) as write:
        for row in rows:
            write(row)
    return io.BytesIO(file.getvalue())


def test_it_works() -> None:
    described = contents(2, 0, 1)
    rows = [[1, "é\n\x00\u2028☃"], [2, None], [1, {"é": [True, 1.5, None]}]]
    found, told = read(written(described, rows), [KEY])
    assert found == described
    assert found.rows == 3
    assert [(table.name, row) for table, row in told] == [
        ("table_0", rows[0]),
        ("table_0", rows[1]),
        ("table_2", rows[2]),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x00\xff\n", "AP8K"),
        (memoryview(b"\x00\xff\n"), "AP8K"),
    ],
)
def test_what_json_has_no_word_for(value: object, text: str) -> None:
    _contents, told = read(written(contents(1), [[1, value]]), [KEY])
    assert [row for _table, row in told] == [[1, text]]


def test_what_nobody_thought_of_is_no_backup() -> None:
    with pytest.raises(TypeError, match="Can't back up a value of type complex"):
        written(contents(1), [[1, 1j]])


@pytest.mark.parametrize("rows", [[[1, ""]], [[1, ""]] * 3, [[1, ""], [2]], [[1, ""], [2, "", ""]]])
def test_one_that_holds_something_else_is_refused(rows: Any) -> None:
    _contents, told = read(written(contents(2), rows), [KEY])
    with pytest.raises(BackupRefused, match="don't match its table of contents"):
        list(told)


def test_one_that_was_never_finished_is_refused() -> None:
    file = io.BytesIO()
    with pytest.raises(OSError, match="full"), writing(file, KEY, contents(1)):
        raise OSError("full")
    with pytest.raises(BackupRefused):
        read(io.BytesIO(file.getvalue()), [KEY])


def test_a_newer_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FORMAT", 2)
    file = written(contents(0), [])
    monkeypatch.undo()
    with pytest.raises(BackupRefused, match="newer version of Branchkeep"):
        read(file, [KEY])
