"""Parse .env text as people paste it."""

from pathlib import Path

import pytest
from dotenv import dotenv_values

from console.lib.text.dotenv import Entry, Refused, parse
from tests.envvars_app.formats.values import PEM

PASTED = f"""\
# Database
DATABASE_URL = postgres://u:p@db/shop?a=b#c   # inline
export PORT=3000
EMPTY=
EMPTY_BUT_COMMENT= # nothing
SINGLE='a \\n $X "b" # c'   # after
DOUBLE="a\\n\\t\\r\\\\\\"\\$X 'b' # c"
BACK=`'a' "b" \\n`

\t  export\tINDENTED\t=\tx y\t
PEM="{PEM}"
LAST='two
lines'"""
READ = {
    "DATABASE_URL": "postgres://u:p@db/shop?a=b#c",
    "PORT": "3000",
    "EMPTY": "",
    "EMPTY_BUT_COMMENT": "",
    "SINGLE": 'a \\n $X "b" # c',
    "DOUBLE": "a\n\t\r\\\"$X 'b' # c",
    "BACK": "'a' \"b\" \\n",
    "INDENTED": "x y",
    "PEM": PEM,
    "LAST": "two\nlines",
}


def _read(text: str) -> dict[str, str]:
    return {entry.key: entry.value for entry in parse(text)}


def test_it_works() -> None:
    assert _read(PASTED) == READ
    assert [entry.line for entry in parse(PASTED)] == [2, 3, 4, 5, 6, 7, 8, 10, 11, 15]


@pytest.mark.parametrize(
    "text", [PASTED.replace("\n", "\r\n"), "\ufeff" + PASTED, PASTED + "\n\n # end\n"]
)
def test_line_endings_and_a_byte_order_mark_change_nothing(text: str) -> None:
    assert parse(text) == parse(PASTED)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$X ${Y} $(z)", "$X ${Y} $(z)"),
        ("'$X'", "$X"),
        ('"$X ${Y:-z}"', "$X ${Y:-z}"),
        ("it's", "it's"),
        ('a"b"', 'a"b"'),
        ("#ff0000", "#ff0000"),
        (" #ff0000", ""),
        ("a#b", "a#b"),
        ("a\t#b", "a"),
        ("a=b==", "a=b=="),
        (r"C:\new", r"C:\new"),
        (r'"C:\dir"', r"C:\dir"),
        (r'"a\\n"', r"a\n"),
        (r'"\\"', "\\"),
        (r'"\""', '"'),
        ('""', ""),
        ("''# c", ""),
        ("'#'", "#"),
        ("\xa0x\xa0", "\xa0x\xa0"),
        ("'a\ufeffb'", "a\ufeffb"),
        ("\u2028", "\u2028"),
        ("'\n'", "\n"),
    ],
)
def test_a_value(written: str, value: str) -> None:
    assert parse(f"A={written}\nB=b") == [
        Entry("A", value, 1),
        Entry("B", "b", 2 + written.count("\n")),
    ]


@pytest.mark.parametrize("key", ["a.b", "a-b", "é", "export", "$(x)", "'a'", "AWS_X", "x" * 300])
def test_names_are_not_validated(key: str) -> None:
    assert _read(f"{key}=x") == {key: "x"}


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "# nothing", "  \n\t\n#\n", "\r\n\r\n"])
def test_an_empty_text(text: str) -> None:
    assert parse(text) == []


def test_it_agrees_with_python_dotenv(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(PASTED.replace("`", "'").replace("\\$", "$").replace("''a'", "'a"))
    assert _read(file.read_text()) == dotenv_values(file, interpolate=False)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("A=1\n\nB", 3, "The = is missing."),
        ("A: 1", 1, "Write = in place of the : after the name."),
        ("export A", 1, "The = is missing."),
        ("A=1\n=2", 2, "The name is missing."),
        ("A B=1", 1, "Remove the space between the name"),
        ("A\xa0=1", 1, "Remove the space between the name"),
        ("set -a\nA=1", 1, "The = is missing."),
        ("A=1\nB=2\n A = 3", 3, "This name is already used on line 1."),
        ("A='x\ny'\nA=1", 3, "This name is already used on line 1."),
        ("A=1\nB='x\nC=3\n", 2, "The value's opening quote ' is never closed."),
        ('A="x\\"', 1, "The value's opening quote \""),
        ("A=`x", 1, "The value's opening quote `"),
        ("A='", 1, "The value's opening quote '"),
        ("A='x' y", 1, "There is text after the closing '."),
        ("A='x\n'y", 2, "There is text after the closing '."),
        ("A='it'\"'\"'s'", 1, "There is text after the closing '."),
        ('A=""""', 1, 'There is text after the closing ".'),
        ("A=1\nB=x\ry", 2, "The text contains a carriage return without a line feed."),
        ("A=1\rB=2\r", 1, "The text contains a carriage return without a line feed."),
        ("A=1\nB='\r'", 2, "The text contains a carriage return without a line feed."),
        ("# a\n# \0", 2, "The text contains a NUL character"),
        ("A=1\r\nB=\0", 2, "The text contains a NUL character"),
        ("A=1\nB=\ud83d", 2, "The text contains half a character"),
    ],
)
def test_an_error_names_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse(text)
    assert refusal.value.line == line
    assert str(refusal.value).startswith(f"Line {line}: {message}")
    assert str(refusal.value) == f"Line {line}: {refusal.value.message}"


@pytest.mark.parametrize("text", ["s3cret", "s3cret x=1", "A='s3cret", "A='' s3cret", "s3cret=\0"])
def test_no_error_quotes_the_text(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse(text)
    assert "s3cret" not in str(refusal.value)
