"""Types of values: which values each allows, and which rules there can be."""

import re

import pytest

from console.lib.value_types.patterns import PATTERN_LIMIT
from console.lib.value_types.types import LABELS, InvalidType, ValueType

PEM = "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n"
LEGACY = (
    "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,00\r\n\r\n"
    "QUJD\r\n-----END RSA PRIVATE KEY-----"
)
ALLOWED = [
    ("url", "", ["https://example.org", "postgres://shop:pw@db:5432/shop?ssl=on", "http://[::1]/"]),
    ("email", "", ["name@example.org", "first.last+tag@localhost", "jörg@bücher.example"]),
    ("integer", "", ["0", "-5", "+7", "007", "9" * 1000]),
    ("integer", "1..10", ["1", "10"]),
    ("integer", "..-3", ["-4"]),
    ("integer", "5", ["5"]),
    ("enum", "debug\n info \n\ndebug", ["debug", "info"]),
    ("pattern", "sk_(live|test)_[a-z0-9]{4}", ["sk_live_ab12"]),
    ("pattern", "", None),
    ("length", "3", ["abc", "äöü"]),
    ("length", "..3", ["", "abc"]),
    ("length", "2..", ["ab", "a" * 5000]),
    ("pem", "", [PEM, PEM + PEM, f"subject=shop\n{PEM}", LEGACY]),
    ("json", "", ["{}", "[1, 2.5e3]", '"text"', "null", "1" * 5000, '{\n"a": "\\u00e4"}\n']),
]
REFUSED = [
    ("url", "", ["example.org", "https://", "mailto:a@b", "http://a:99999", "http://[::1", ""]),
    ("url", "", ["https://a b", " https://a", "https://a\n", "https://a\tb", "https:///path"]),
    ("email", "", ["name", "@b", "a@", "a@b c", "a@b@c", "Shop <a@b>", "a..b@c", "a@-b", "a@b."]),
    ("integer", "", ["", "1.5", "1e3", "1 ", "0x10", "\u0661", "9" * 1001]),
    ("integer", "1..10", ["0", "11"]),
    ("enum", "debug\ninfo", ["", "Debug", "debug ", "debug\ninfo"]),
    ("pattern", "[a-z]+", ["", "abc1", "abc\n", "1abc"]),
    ("length", "3", ["ab", "abcd", ""]),
    ("pem", "", ["", "QUJD", PEM.replace("\n", "\\n"), PEM.replace("\n", " "), PEM[:-15]]),
    ("pem", "", [PEM.replace("QUJD", "Q?JD"), PEM.replace("END C", "END X"), f"{PEM}-----BEGIN"]),
    ("json", "", ["", "{", "{'a': 1}", "NaN", "[1,]", "[" * 5000, "-Infinity", "{} {}"]),
]
INVALID = [
    ("", "", "kind", "no such type"),
    ("uuid", "", "kind", "url, email, integer"),
    ("url", "https", "rule", "has no rule"),
    ("integer", "10..1", "rule", "is empty"),
    ("integer", "a", "rule", "Enter a range"),
    ("integer", "..", "rule", "Enter a range"),
    ("integer", "1" * 19, "rule", "Enter a range"),
    ("length", "", "rule", "number of characters"),
    ("length", "-1..3", "rule", "number of characters"),
    ("enum", " \n ", "rule", "each on a line"),
    ("enum", "\n".join(map(str, range(51))), "rule", "50 values at most"),
    ("pattern", "", "rule", "regular expression"),
    ("pattern", "a\nb", "rule", "on one line"),
    ("pattern", "(a", "rule", "missing )"),
    ("pattern", r"(a)\1", "rule", "invalid escape sequence"),
    ("pattern", "(?=a)a", "rule", "invalid perl operator"),
    ("pattern", "a" * (PATTERN_LIMIT + 1), "rule", "300 characters at most"),
    ("pattern", r"(\pL{0,300}){3}", "rule", "too large"),
    ("pattern", "a" * 1001, "rule", "1,000 characters at most"),
]


def test_it_works() -> None:
    wrong = [
        (kind, rule, value)
        for kind, rule, values in ALLOWED
        for value in values or ()
        if ValueType.parse(kind, rule).problem(value)
    ]
    wrong += [
        (kind, rule, value)
        for kind, rule, values in REFUSED
        for value in values
        if not ValueType.parse(kind, rule).problem(value)
    ]
    assert wrong == []
    assert {kind for kind, _, _ in ALLOWED} == {*LABELS} == {kind for kind, _, _ in REFUSED}


@pytest.mark.parametrize(
    ("kind", "rule", "sentence"),
    [
        ("url", "", "This key takes a URL, such as https://example.org/path."),
        ("integer", "1..65535", "This key takes a whole number from 1 to 65535."),
        ("integer", "8..", "This key takes a whole number of at least 8."),
        ("length", "32", "This key takes values with exactly 32 characters."),
        ("length", "8..64", "This key takes values with 8 to 64 characters."),
        ("enum", "debug\ninfo", "This key takes one of these values: debug, info."),
        ("pattern", "sk_.*", "This key takes values that match the pattern “sk_.*”."),
        ("json", "", "This key takes JSON. This isn't JSON from line 1, column 1 on."),
    ],
)
def test_sentences_say_what_is_expected_and_repeat_nothing(
    kind: str, rule: str, sentence: str
) -> None:
    assert ValueType.parse(kind, rule).problem("wrong") == sentence


def test_what_cannot_be_seen_is_named() -> None:
    problem = ValueType.parse("url", "").problem("https://example.org\n")
    assert problem.endswith(" The value ends with a line break.")


@pytest.mark.parametrize(("kind", "rule", "field", "message"), INVALID)
def test_rules_that_cannot_be(kind: str, rule: str, field: str, message: str) -> None:
    with pytest.raises(InvalidType, match=re.escape(message)) as refusal:
        ValueType.parse(kind, rule)
    assert refusal.value.field == field


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a?){500}a{500}", "(a|b|ab)*c", ".*a.{600}c"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """Python's own engine would take years for most of them."""
    assert ValueType.parse("pattern", pattern).problem("a" * 5499 + "d")


def test_a_pattern_that_cannot_be_used_any_more() -> None:
    assert ValueType(next(it for it in LABELS if it == "pattern"), "(a").problem("b") == ""
