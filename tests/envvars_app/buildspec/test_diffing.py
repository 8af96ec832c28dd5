"""Compare two texts line by line."""

import random

from envvars_app.buildspec.checking import LIMIT as CHARACTERS
from envvars_app.buildspec.diffing import MAX_COMPARED_LINES, MAX_SHOWN_LINES, DiffLine, diff

LINES = [f"line {number}" for number in range(1, 31)]
TEXT = "\n".join(LINES) + "\n"


def test_it_works() -> None:
    changed = TEXT.replace("line 10\n", "ten\n").replace("line 30\n", "line 30\nmore\n")
    assert diff(TEXT, changed) == [
        DiffLine("…", ""),
        *(DiffLine("", f"line {n}", n, n) for n in (7, 8, 9)),
        DiffLine("-", "line 10", old=10),
        DiffLine("+", "ten", new=10),
        *(DiffLine("", f"line {n}", n, n) for n in (11, 12, 13)),
        DiffLine("…", ""),
        *(DiffLine("", f"line {n}", n, n) for n in (28, 29, 30)),
        DiffLine("+", "more", new=31),
    ]


def test_the_same_text() -> None:
    assert diff(TEXT, TEXT) == []


def test_very_short_texts() -> None:
    assert [line.sign for line in diff("a\n", "b")] == ["-", "+"]
    assert [line.sign for line in diff("", "a\nb\n")] == ["-", "+", "+"]


def test_both_texts_can_be_rebuilt_from_the_diff() -> None:
    rng = random.Random(7)  # noqa: S311 - not for secrets
    for _ in range(50):
        old = [rng.choice("abcdef") for _ in range(rng.randrange(1, 6))]
        new = [rng.choice("abcdef") for _ in range(rng.randrange(1, 6))]
        lines = diff("\n".join(old), "\n".join(new))
        assert [line.text for line in lines if line.old] in (old, [])
        assert [line.text for line in lines if line.new] in (new, [])


def test_one_change_in_a_long_text() -> None:
    text = "a\nb\n" * 6_000
    changed = text[:12_000] + "c\n" + text[12_000:]
    assert diff(text, changed) == [
        DiffLine("…", ""),
        *(DiffLine("", "ab"[n % 2], n + 1, n + 1) for n in (5_997, 5_998, 5_999)),
        DiffLine("+", "c", new=6_001),
        *(DiffLine("", "ab"[n % 2], n + 1, n + 2) for n in (6_000, 6_001, 6_002)),
    ]


def test_many_changes_in_a_long_text_are_one_block() -> None:
    """Each line occurs 83 times: comparing these one by one would take seconds.

    A page of all of them would take megabytes, so the end of the block is only counted.
    """
    middle = [f"{n % 100:02}" for n in range(8_300)]
    other = [f"{n * 37 // 11 % 100:02}" for n in range(8_300)]
    ends = ["==="] * 4
    old, new = [*ends, *middle, *ends], [*ends, *other[::-1], *ends]
    before, after = "\n".join(old), "\n".join(new)
    assert len(before) <= CHARACTERS
    lines = diff(before, after)
    signs = "".join(line.sign or "=" for line in lines)
    shown = MAX_SHOWN_LINES - len("…===")
    assert signs == "…===" + "-" * shown + "…"
    assert [line.text for line in lines if line.old] == old[1 : shown + 4]
    assert [line.old for line in lines if line.old] == [*range(2, shown + 5)]
    assert lines[-1].text == f"{2 * 8_300 + len('…======') - MAX_SHOWN_LINES:,} more lines"


def test_up_to_the_limit_lines_are_compared_one_by_one() -> None:
    old = [str(n) for n in range(MAX_COMPARED_LINES)]
    new = ["first", *old[1:-1], "last"]
    lines = diff("\n".join(old), "\n".join(new))
    assert [line.sign or "=" for line in lines] == [*"-+===…===-+"]


def test_one_more_of_the_same_line() -> None:
    for before, after in (("a\na\n", "a\na\na\n"), ("a\na\na\n", "a\na\n")):
        lines = diff(before, after)
        assert [line.text for line in lines if line.old] == ["a"] * before.count("a")
        assert [line.text for line in lines if line.new] == ["a"] * after.count("a")
