"""Oversized and pathological texts are refused after one pass over the text (guarantee 35).

Nothing is timed: at these sizes, quadratic work would never finish.
"""

import tracemalloc
from collections.abc import Callable

import pytest

from console.lib.documents.json import parse_json
from console.lib.text.dotenv import BYTE_LIMIT, ENTRY_LIMIT, LINE_LIMIT, Entry, Refused, parse

Parse = Callable[[str], list[Entry]]
MANY_QUOTES = "A='\n" * (LINE_LIMIT - 1)
BOMBS: dict[str, tuple[Parse, str, str]] = {
    "one open quote": (parse, "A='" + "x" * 900_000, "never closed"),
    "escapes in an open quote": (parse, 'A="' + "\\" * 900_000, "never closed"),
    "escaped quotes": (parse, 'A="' + '\\"' * 450_000, "never closed"),
    "quotes everywhere": (parse, 'A="' + "'\"`" * 300_000, "text after the closing"),
    "an open quote on each line": (
        parse,
        "A='" + "\nB=\"\nC=`\nD='" * 3_000,
        "already used on|text after",
    ),
    "spaces and = is missing": (parse, " " * 900_000 + "x", "= is missing"),
    "a name of spaces": (parse, "x" + " " * 900_000 + "x=", "space between the name"),
    "export again and again": (parse, "export " * 120_000 + "A=1", "space between the name"),
    "=": (parse, "=" * 900_000, "name is missing"),
    "nested lists": (parse_json, '{"A": ' + "[" * 900_000, "an object or a list"),
    "nested objects": (parse_json, '{"A":' * 180_000, "an object or a list"),
    "an open string": (parse_json, '{"A": "' + "\\\\" * 450_000, "never closed"),
    "a number without end": (parse_json, '{"A": ' + "9" * 900_000, "a number"),
    "white space": (parse_json, "{" + " " * 900_000, "Expected a name in double quotes"),
}


def _lines(count: int) -> str:
    return "".join(f"K{number}={number}\n" for number in range(count))


def _members(count: int) -> str:
    return "{" + ",\n".join(f'"K{number}": ""' for number in range(count)) + "}"


def test_it_works() -> None:
    assert len(parse(_lines(ENTRY_LIMIT))) == len(parse_json(_members(ENTRY_LIMIT))) == ENTRY_LIMIT
    assert parse("#\n" * (LINE_LIMIT - 1) + "A=1\n") == [Entry("A", "1", LINE_LIMIT)]
    assert parse_json("\n" * (LINE_LIMIT - 1) + '{"A": "1"}\n') == [Entry("A", "1", LINE_LIMIT)]
    [entry] = parse("A=" + "é" * ((BYTE_LIMIT - 2) // 2))
    assert len(entry.value.encode()) == BYTE_LIMIT - 2


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused(bomb: str) -> None:
    read, text, message = BOMBS[bomb]
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match=message):
            read(text)
        assert tracemalloc.get_traced_memory()[1] < 40 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("read", [parse, parse_json])
@pytest.mark.parametrize(
    "text", ["x" * (BYTE_LIMIT + 1), "é" * (BYTE_LIMIT // 2 + 1), "#" + "\r\n" * BYTE_LIMIT]
)
def test_too_many_bytes(read: Parse, text: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(text)
    assert str(refusal.value) == "The text is larger than 1,000,000 bytes. Split it."
    assert refusal.value.line is None


@pytest.mark.parametrize("read", [parse, parse_json])
@pytest.mark.parametrize("text", ["\n" * (LINE_LIMIT + 1), "\r\n" * LINE_LIMIT + "x"])
def test_too_many_lines(read: Parse, text: str) -> None:
    with pytest.raises(Refused, match=r"The text has more than 10,000 lines\. Split it\."):
        read(text)


@pytest.mark.parametrize(
    ("read", "text"), [(parse, _lines(ENTRY_LIMIT + 1)), (parse_json, _members(ENTRY_LIMIT + 1))]
)
def test_too_many_variables(read: Parse, text: str) -> None:
    with pytest.raises(Refused, match=r"The text has more than 1,000 variables") as refusal:
        read(text)
    assert refusal.value.line == ENTRY_LIMIT + 1
