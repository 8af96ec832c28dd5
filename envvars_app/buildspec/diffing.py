"""Line-by-line differences of two texts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT_LINES = 3  # unchanged lines shown around changed ones
MAX_SHOWN_LINES = 1_000  # of a difference or a text, each of which is a row of HTML
MAX_COMPARED_LINES = 1_500  # SequenceMatcher can take quadratic time and more

Span = tuple[str, int, int, int, int]  # a difflib opcode: kind, then start and end in both texts


@dataclass(frozen=True)
class DiffLine:
    """A line. `sign` is "+" if added, "-" if removed, "" if unchanged, "…" for a gap.

    `old` and `new` are the line numbers in the two texts, from 1.
    """

    sign: str
    text: str
    old: int | None = None
    new: int | None = None


def diff(before: str, after: str) -> list[DiffLine]:
    """Return the changed lines with CONTEXT_LINES around them, or nothing for equal texts.

    If more than MAX_COMPARED_LINES lie between the first and the last change, all the old ones
    count as removed and all the new ones as added.
    """
    old, new = (text.removesuffix("\n").split("\n") for text in (before, after))
    head = _common_prefix_length(old, new)
    tail = _common_prefix_length(old[head:][::-1], new[head:][::-1])
    start, end = max(head - CONTEXT_LINES, 0), max(tail - CONTEXT_LINES, 0)
    parts = old[start : len(old) - end], new[start : len(new) - end]
    lines: list[DiffLine] = []
    for group in _groups(*parts, head - start, tail - end):
        if lines or start + group[0][1]:
            lines.append(DiffLine("…", ""))
        for kind, *spans in group:
            lines += _lines(kind, old, new, *(start + position for position in spans))
    return _shortened(lines)


def _shortened(lines: list[DiffLine]) -> list[DiffLine]:
    left_out = len(lines) - MAX_SHOWN_LINES
    if left_out <= 0:
        return lines
    return [*lines[:MAX_SHOWN_LINES], DiffLine("…", f"{left_out:,} more lines")]


def _common_prefix_length(old: Sequence[str], new: Sequence[str]) -> int:
    lines = enumerate(zip(old, new, strict=False))
    return next((at for at, (before, after) in lines if before != after), min(len(old), len(new)))


def _groups(
    old: Sequence[str], new: Sequence[str], head: int, tail: int
) -> Iterable[Sequence[Span]]:
    """Return grouped opcodes. The first `head` and the last `tail` lines are known to be equal."""
    if max(len(old), len(new)) <= MAX_COMPARED_LINES:
        return SequenceMatcher(a=old, b=new).get_grouped_opcodes(CONTEXT_LINES)
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
