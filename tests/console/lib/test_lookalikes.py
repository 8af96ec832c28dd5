"""Tell which names look exactly alike, which can be mistaken, and what in them can't be seen."""

import sys
import unicodedata

import pytest

from console.lib.naming.lookalikes import (
    hidden_characters,
    lookalike_marks,
    skeleton,
    spell_out,
    visible_form,
)

JOINERS = "\u200c\u200d"
INVISIBLE = [
    *(
        sign
        for sign in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(sign) in {"Cf", "Zl", "Zp"} and sign not in JOINERS
    ),
    *("\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"),  # fillers
    *("\u034f", "\u17b4", "\u17b5", "\u180b", "\ufe00", "\ufe0f", "\U000e0100", "\U000e01ef"),
]
SPACES = [sign for sign in map(chr, range(0x10000)) if unicodedata.category(sign) == "Zs"]


def test_it_works() -> None:
    assert visible_form("ma\u00adin ") == "main"
    assert hidden_characters("ma\u00adin ") == ["U+00AD", "U+0020"]
    assert spell_out("ma\u00adin") == "ma<U+00AD>in"
    assert skeleton("m\u0430in") == skeleton("main") == skeleton("rnain")
    assert lookalike_marks(["main", "m\u0430in", "ma\u00adin", "dev"]) == {
        "m\u0430in": "Looks like main",
        "ma\u00adin": "Looks like main, contains invisible U+00AD",
    }


@pytest.mark.parametrize("form", ["{}main", "ma{}in", "main{}"])
def test_every_invisible_character(form: str) -> None:
    for sign in INVISIBLE:
        name = form.format(sign)
        assert visible_form(name) == "main", ascii(sign)
        assert hidden_characters(name) == [f"U+{ord(sign):04X}"]


@pytest.mark.parametrize("form", ["{}main", "main{}", " {} main"])
def test_spaces_at_the_edges(form: str) -> None:
    for sign in SPACES:
        assert visible_form(form.format(sign)) == "main", ascii(sign)
        assert f"U+{ord(sign):04X}" in hidden_characters(form.format(sign))


def test_spaces_inside_look_alike() -> None:
    for sign in SPACES:
        assert visible_form(f"a{sign}{sign}b") == "a b"
        assert hidden_characters(f"a{sign}b") == []


def test_composed_and_decomposed() -> None:
    assert visible_form("caf\u00e9") == visible_form("cafe\u0301")


@pytest.mark.parametrize(
    "name",
    [
        "\u0915\u094d\u200d\u0937",  # Hindi: a half consonant
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: a verb with its prefix
        "👩\u200d👩\u200d👧",
        "🏳\ufe0f\u200d🌈",
        "❤\ufe0f",
        "1\ufe0f\u20e3",
    ],
)
def test_joiners_and_selectors_that_change_the_look(name: str) -> None:
    assert hidden_characters(name) == []
    assert visible_form(name) == unicodedata.normalize("NFC", name)
    assert lookalike_marks([name]) == {}


@pytest.mark.parametrize(
    "name",
    ["ma\u200din", "ma\u200cin", "main\u200d", "\u200dmain", "main\ufe0f", "ma\u200d\u200cin"],
)
def test_joiners_and_selectors_that_nobody_sees(name: str) -> None:
    assert visible_form(name) == "main"
    assert lookalike_marks(["main", name])[name].startswith("Looks like main, contains invisible")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("m\u0430in", "main"),  # Cyrillic
        ("mai\u03b7", ""),  # Greek eta is no n
        ("\u0440r-1", "pr-1"),
        ("pr-l", "pr-1"),
        ("pr-I", "pr-1"),
        ("pr-1O", "pr-10"),
        ("rnain", "main"),
        ("\uff4dain", "main"),  # full width
        ("\U0001d5c6ain", "main"),  # mathematical
        ("feature\u2215x", "feature/x"),
        ("pr\u20101", "pr-1"),
        ("cafe\u0301", "caf\u00e9"),
        ("All\u00a0branches", "All branches"),
        ("AII branches", "All branches"),
    ],
)
def test_lookalikes(name: str, other: str) -> None:
    assert lookalike_marks([other, name]).get(name, "") == (f"Looks like {other}" if other else "")
    assert other not in lookalike_marks([other, name])


def test_lookalike_of_a_branch_that_does_not_exist() -> None:
    assert lookalike_marks(["m\u0430in"]) == {"m\u0430in": "Looks like main"}
    assert lookalike_marks(["\u0444\u0438\u043b\u044c\u043c"]) == {}


def test_the_genuine_name_is_never_marked() -> None:
    names = ["m\u0430in", "ma\u00adin", "main"]
    for order in (names, names[::-1]):
        assert "main" not in lookalike_marks(order)
    assert lookalike_marks(["a\u00adb"]) == {"a\u00adb": "Contains invisible U+00AD"}


def test_plain_names_are_not_marked() -> None:
    names = ["main", "dev", "feature/login", "release/1.0", "Dev", "日本語/ブランチ", "فرع", "🚀"]
    assert lookalike_marks(names) == {}
