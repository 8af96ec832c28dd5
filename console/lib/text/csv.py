"""Write CSV in which a spreadsheet finds no formula and every record is one line.

What starts a formula: OWASP, "CSV Injection". Separators and quotes follow RFC 4180. The text
begins with a byte order mark, because Excel reads UTF-8 only with one.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

from console.lib.text.unprintable import escape_unprintable

CONTENT_TYPE = "text/csv; charset=utf-8"
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - Excel accepts the full-width characters too


class _EchoFile:
    """A file object whose `write` returns the text, so that a generator can use the csv module."""

    def write(self, text: str) -> str:
        return text


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the CSV file line by line. None becomes an empty cell."""
    writer = csv.writer(_EchoFile(), quoting=csv.QUOTE_ALL)
    yield "\N{BYTE ORDER MARK}" + writer.writerow(header)
    for row in rows:
        yield writer.writerow([escape_cell(value) for value in row])


def escape_cell(value: object) -> str:
    """Return a value as text that no spreadsheet evaluates: formulas get a leading apostrophe.

    Line breaks, tabs and control characters are escaped, as in the logs.
    """
    text = "" if value is None else str(escape_unprintable(str(value), keep=""))
    # Excel skips leading spaces and quotes before it looks for a formula.
    return f"'{text}" if text.lstrip(" '\"").startswith(_FORMULA) else text
