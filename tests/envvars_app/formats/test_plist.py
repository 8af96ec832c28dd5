"""Render property lists, without the characters that XML can't hold or would change."""

import plistlib

import pytest

from envvars_app.formats import FORMATS


def test_it_works() -> None:
    rendered = FORMATS["plist"].render({"B": "<a> & 'b'\n\ttwo ", "A": "é 🔑"})
    assert rendered.left_out == {}
    assert rendered.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist ')
    assert list(plistlib.loads(rendered.text.encode()).items()) == [
        ("A", "é 🔑"),
        ("B", "<a> & 'b'\n\ttwo "),
    ]


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "\x1b", "\0", "\ufffe", "\uffff"])
@pytest.mark.parametrize("place", ["key", "value"])
def test_characters_that_xml_can_not_hold_are_left_out(text: str, place: str) -> None:
    key, value = (text, "x") if place == "key" else ("A", text)
    rendered = FORMATS["plist"].render({key: value, "B": "y"})
    assert rendered.left_out == {
        key: "The value contains a character that XML can't hold or would change. Use JSON."
    }
    assert plistlib.loads(rendered.text.encode()) == {"B": "y"}


@pytest.mark.parametrize("value", ["]]>", "<!-- a -->", "&lt;", '<plist version="1.0">\n', "\x85"])
def test_markup_is_text(value: str) -> None:
    rendered = FORMATS["plist"].render({"A": value, value.strip(): "x", "GONE": "\r"})
    assert plistlib.loads(rendered.text.encode()) == {"A": value, value.strip(): "x"}
