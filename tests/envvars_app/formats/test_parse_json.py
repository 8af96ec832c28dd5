"""Parse JSON: an object whose values are strings."""

import json

import pytest

from console.lib.documents.json import parse_json
from console.lib.text.dotenv import Entry, Refused
from envvars_app.formats import FORMATS
from tests.envvars_app.formats.values import COMMON, CONTESTED

TEXT = """\
{
  "A": "x",

  "B b": "\\u00e9\\n\\"\\\\ \\ud83d\\udd11", "C":
    ""
}
"""


def test_it_works() -> None:
    assert parse_json(TEXT) == [
        Entry("A", "x", 2),
        Entry("B b", 'é\n"\\ 🔑', 4),
        Entry("C", "", 4),
    ]


@pytest.mark.parametrize("text", [TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, f"\n\t {TEXT}\n "])
def test_line_endings_and_white_space_change_no_value(text: str) -> None:
    assert [(entry.key, entry.value) for entry in parse_json(text)] == [
        (entry.key, entry.value) for entry in parse_json(TEXT)
    ]


@pytest.mark.parametrize("text", ["{}", " { } ", "{\n}\n"])
def test_an_empty_object(text: str) -> None:
    assert parse_json(text) == []


def test_rendering_is_lossless_and_sorted() -> None:
    written = {**COMMON, **CONTESTED, "b": "", "a b $(x)": "\x00"}
    rendered = FORMATS["json"].render(written)
    assert rendered.left_out == {}
    assert json.loads(rendered.text) == written
    assert list(json.loads(rendered.text)) == sorted(written)
    assert rendered.text.endswith('"\n}\n')
    assert "пароль 密码 🔑" in rendered.text


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "The text must start with {."),
        ("[]", 1, "The text must start with {."),
        ("A=1", 1, "The text must start with {."),
        ("{", 1, "Expected a name in double quotes"),
        ('{\n"A": "x",\n}', 3, "Expected a name in double quotes, or there is one comma too many."),
        ('{"A": "x",, "B": "y"}', 1, "Expected a name in double quotes"),
        ("{'A': 'x'}", 1, "Expected a name in double quotes"),
        ("{A: 1}", 1, "Expected a name in double quotes"),
        ('{\n// c\n"A": "x"}', 2, "Expected a name in double quotes"),
        ('{"A"}', 1, "Expected a : after the name."),
        ('{"A" = "x"}', 1, "Expected a : after the name."),
        ('{"A":}', 1, "Expected a value in double quotes."),
        ('{"A":', 1, "Expected a value in double quotes."),
        ("{\"A\": 'x'}", 1, "Expected a value in double quotes."),
        ('{"A": NaN}', 1, "Expected a value in double quotes."),
        ('{"A": Infinity}', 1, "Expected a value in double quotes."),
        ('{"A": "x",\n"B":\n3}', 3, "The value is a number. Put it in quotes."),
        ('{"A": -Infinity}', 1, "The value is a number. Put it in quotes."),
        ('{"A": true}', 1, "The value is true or false. Put it in quotes."),
        ('{"A": false}', 1, "The value is true or false. Put it in quotes."),
        ('{"A": null}', 1, 'The value is null. Write "" for an empty value.'),
        ('{"A": {"B": "x"}}', 1, "The value is an object or a list."),
        ('{"A": ["x"]}', 1, "The value is an object or a list."),
        ('{"A": "x"', 1, "Expected a comma or the closing }."),
        ('{"A": "x"\n"B": "y"}', 2, "Expected a comma or the closing }."),
        ('{"A": "x"}\n}', 2, "There is text after the closing }."),
        ('{"A": "x"}{}', 1, "There is text after the closing }."),
        ('{"A": "x', 1, "The quotes are never closed."),
        ('{\n"A": "x\\', 2, "The quotes are never closed."),
        ('{"A": "x\ny"}', 1, "The quotes contain a line break or tab."),
        ('{"A": "x\ty"}', 1, "The quotes contain a line break or tab."),
        (r'{"A": "\x"}', 1, "This escape is not valid in JSON."),
        (r'{"A": "\u12"}', 1, "This escape is not valid in JSON."),
        ('{"A": "x",\n"A": "y"}', 2, "This name is already used on line 1."),
        ('{"A": "x",\n"\\u0041": "y"}', 2, "This name is already used on line 1."),
        ('{\n"": "x"}', 2, "The name is missing."),
        (r'{"A": "\u0000"}', 1, "The text contains a NUL character"),
        (r'{"\u0000": ""}', 1, "The text contains a NUL character"),
        ('{"A": "\0"}', 1, "The text contains a NUL character"),
        (r'{"A": "\ud83d"}', 1, "The text contains half a character"),
        (r'{"\udd11\ud83d": ""}', 1, "The text contains half a character"),
    ],
)
def test_an_error_names_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_json(text)
    assert refusal.value.line == line
    assert str(refusal.value).startswith(f"Line {line}: {message}")


@pytest.mark.parametrize("text", ["s3cret", '{"A": s3cret', '{"A": "s3cret', '{"A": "s3cret\\x"}'])
def test_no_error_quotes_the_text(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_json(text)
    assert "s3cret" not in str(refusal.value)
