"""CSV that a spreadsheet opens as text: no cell is a formula, and an entry is one line.

What makes a formula: OWASP, "CSV Injection". Commas and quotes are RFC 4180's. The text begins with
a byte order mark, without which Excel does not read UTF-8.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

from console.lib.text import escaped

CONTENT_TYPE = "text/csv; charset=utf-8"
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - Excel takes the wide ones too


class _Line:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def lines(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the file line by line; None is an empty cell."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield "\N{BYTE ORDER MARK}" + writer.writerow(heads)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet computes: an apostrophe goes before a formula.

    Line breaks, tabs and control characters become escapes, as in the logs.
    """
    text = "" if value is None else str(escaped(str(value), keep=""))
    return f"'{text}" if text.lstrip(" '\"").startswith(_FORMULA) else text
