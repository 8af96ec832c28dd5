"""What changes from one text to another, line by line. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

AROUND = 3  # unchanged lines that are shown beside changed ones


@dataclass(frozen=True)
class DiffLine:
    """A line: `sign` is + for a new one, - for an old one, "" for both, and … for those left out.

    The numbers, from 1, are those in the old and in the new text.
    """

    sign: str
    text: str
    old: int | None = None
    new: int | None = None


def diff(before: str, after: str) -> list[DiffLine]:
    """Return the changed lines and those around them; nothing where both texts are the same."""
    old, new = (text.removesuffix("\n").split("\n") for text in (before, after))
    lines: list[DiffLine] = []
    for group in SequenceMatcher(a=old, b=new).get_grouped_opcodes(AROUND):
        if lines or group[0][1]:
            lines.append(DiffLine("…", ""))
        for kind, *spans in group:
            lines += _lines(kind, old, new, *spans)
    return lines


def _lines(
    kind: str, old: list[str], new: list[str], i: int, i_end: int, j: int, j_end: int
) -> Iterator[DiffLine]:
    if kind == "equal":
        for step in range(i_end - i):
            yield DiffLine("", old[i + step], i + step + 1, j + step + 1)
        return
    yield from (DiffLine("-", old[n], old=n + 1) for n in range(i, i_end))
    yield from (DiffLine("+", new[n], new=n + 1) for n in range(j, j_end))
