"""What changes from one text to another, line by line. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

AROUND = 3  # unchanged lines that are shown beside changed ones
LIMIT = 1_500  # lines that are compared one by one; it may take more than their number squared

Span = tuple[str, int, int, int, int]  # as difflib has it: what happened, and where in both texts


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
    """Return the changed lines and those around them; nothing where both texts are the same.

    Where more than LIMIT lines lie between the first change and the last, the old ones are shown
    as removed and the new ones as added, whatever they share.
    """
    old, new = (text.removesuffix("\n").split("\n") for text in (before, after))
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    start, end = max(head - AROUND, 0), max(tail - AROUND, 0)
    parts = old[start : len(old) - end], new[start : len(new) - end]
    lines: list[DiffLine] = []
    for group in _groups(*parts, head - start, tail - end):
        if lines or start + group[0][1]:
            lines.append(DiffLine("…", ""))
        for kind, *spans in group:
            lines += _lines(kind, old, new, *(start + place for place in spans))
    return lines


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many lines the two begin with alike."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, two) in pairs if one != two), min(len(old), len(new)))


def _groups(
    old: Sequence[str], new: Sequence[str], head: int, tail: int
) -> Iterable[Sequence[Span]]:
    """Return what happened; `head` and `tail` lines are the same at the ends."""
    if max(len(old), len(new)) <= LIMIT:
        return SequenceMatcher(a=old, b=new).get_grouped_opcodes(AROUND)
    i, j = len(old) - tail, len(new) - tail
    same = ("equal", 0, head, 0, head), ("equal", i, len(old), j, len(new))
    return [(same[0], ("replace", head, i, head, j), same[1])]


def _lines(
    kind: str, old: list[str], new: list[str], i: int, i_end: int, j: int, j_end: int
) -> Iterator[DiffLine]:
    if kind == "equal":
        for step in range(i_end - i):
            yield DiffLine("", old[i + step], i + step + 1, j + step + 1)
        return
    yield from (DiffLine("-", old[n], old=n + 1) for n in range(i, i_end))
    yield from (DiffLine("+", new[n], new=n + 1) for n in range(j, j_end))
