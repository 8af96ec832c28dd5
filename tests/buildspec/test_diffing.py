"""What changes from one text to another, line by line."""

import random

from envvars_app.buildspec.diffing import DiffLine, diff

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


def test_from_nothing_and_to_nothing() -> None:
    assert [line.sign for line in diff("a\n", "b")] == ["-", "+"]
    assert [line.sign for line in diff("", "a\nb\n")] == ["-", "+", "+"]


def test_both_texts_can_be_put_together_again() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    for _ in range(50):
        old = [chance.choice("abcdef") for _ in range(chance.randrange(1, 6))]
        new = [chance.choice("abcdef") for _ in range(chance.randrange(1, 6))]
        lines = diff("\n".join(old), "\n".join(new))
        assert [line.text for line in lines if line.old] in (old, [])
        assert [line.text for line in lines if line.new] in (new, [])
