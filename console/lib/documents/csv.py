"""Parse CSV: a column of keys and a column of values, with or without a header."""

import csv
import io
from collections.abc import Iterator, Sequence

from console.lib.text.dotenv import BYTE_LIMIT, Entries, Entry, Refused, normalize

_KEYS = {"key", "name", "variable", "secret"}
_VALUES = {"value"}
_COLUMNS = "Expected two columns, a key and a value, or a header that names key and value."
_QUOTES = "A quote is never closed, or there is text after a closing quote."
_SEPARATORS = ",;\t"
csv.field_size_limit(BYTE_LIMIT)  # of the process; nothing else here reads CSV


def parse_csv(text: str) -> list[Entry]:
    """Return the keys and values of a CSV text, in its order. Lines without text are skipped.

    The separator is a comma, semicolon or tab. Raises Refused, with the line number, for other
    columns, a duplicate name, or an open quote.
    """
    records = _records(normalize(text))
    entries = Entries()
    for number, (line, cells) in enumerate(records):
        if number == 0:
            columns, count, is_header = _columns(cells, line)
            if is_header:
                continue
        if len(cells) != count:
            raise Refused(_COLUMNS, line)
        entries.add(cells[columns[0]].strip(), cells[columns[1]], line)
    return entries.all()


def _columns(cells: Sequence[str], line: int) -> tuple[tuple[int, int], int, bool]:
    """Return (columns of keys and values, number of columns, whether this line is a header)."""
    names = [cell.strip().lower() for cell in cells]
    keys = [number for number, name in enumerate(names) if name in _KEYS]
    values = [number for number, name in enumerate(names) if name in _VALUES]
    if keys and values:
        return (keys[0], values[0]), len(cells), True
    if len(cells) != 2:
        raise Refused(_COLUMNS, line)
    return (0, 1), 2, False


def _records(source: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the line on which each record starts, and its cells."""
    first = source.lstrip("\n").partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(source, newline=""), delimiter=separator, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise Refused(_QUOTES, line) from None
        if cells is None:
            return
        if any(cells):
            yield line, cells
        line = reader.line_num + 1
