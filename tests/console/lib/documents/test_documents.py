"""Texts that hold keys and values: each format, what is refused, and how soon (guarantee 35)."""

from time import process_time

import pytest

from console.lib.documents import guess_format, parse
from console.lib.text.dotenv import BYTE_LIMIT, ENTRY_LIMIT, LINE_LIMIT, Refused

TEXTS = {
    "env": "# names\nA=1\nexport B='x y'\n",
    "json": ' {"A": "1", "B": "x y"}',
    "yaml": "# names\nA: 1\nB: x y\n",
    "csv": "Key,Value\r\nA,1\r\nB,x y\r\n",
}


@pytest.mark.parametrize("format", TEXTS)
def test_it_works(format: str) -> None:
    for text in (TEXTS[format], "\ufeff" + TEXTS[format]):
        assert guess_format(text) == format
        assert [(it.key, it.value) for it in parse(text)] == [("A", "1"), ("B", "x y")]


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("A: 1", "yaml"),
        ("---\nA: 1", "yaml"),
        ('"A": 1', "yaml"),
        ("A,1", "csv"),
        ('"A";"1"', "csv"),
        ("name\tvalue", "csv"),
        ("A=x: y, z", "env"),
        ("A_KEY = a,b", "env"),
        ("#A: 1\nA=1", "env"),
        ("", "env"),
        ("hello", "env"),
    ],
)
def test_the_format_is_guessed_by_the_first_line(text: str, format: str) -> None:
    assert guess_format(text) == format


YAML = """\
INT: 08
BOOL: yes
DATE: 2026-11-27
EMPTY:
QUOTED: "a\\n\\u00e9 # no comment"
SINGLE: 'it''s'
NULL_TEXT: "null"
COMMENT: x # comment
ANCHORED: &name x
BLOCK: |
  one
  two
"""


def test_yaml_is_taken_as_it_is_written() -> None:
    assert {it.key: (it.value, it.line) for it in parse(YAML)} == {
        "INT": ("08", 1),
        "BOOL": ("yes", 2),
        "DATE": ("2026-11-27", 3),
        "EMPTY": ("", 4),
        "QUOTED": ("a\né # no comment", 5),
        "SINGLE": ("it's", 6),
        "NULL_TEXT": ("null", 7),
        "COMMENT": ("x", 8),
        "ANCHORED": ("x", 9),
        "BLOCK": ("one\ntwo\n", 10),
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_yaml_without_keys(text: str) -> None:
    assert parse(text, "yaml") == []


def test_csv_with_quotes_and_other_columns() -> None:
    text = 'note;KEY;value\n;A;"x;""y""\nz"\n\n;B;\n'
    assert [(it.key, it.value, it.line) for it in parse(text)] == [
        ("A", 'x;"y"\nz', 2),
        ("B", "", 5),
    ]


REFUSED = {
    "yaml alias": ("A: &x 1\nB: *x", 2, "Aliases"),
    "yaml bomb": ("A: &x [y,y]\nB: &z [*x,*x]", 1, "a list"),
    "yaml nested": ("A: 1\nB:\n  C: 2", 3, "keys of its own"),
    "yaml merge": ("A: 1\n<<: {B: 2}", 2, "Merge keys"),
    "yaml tag": ("A: !!python/object/apply:os.system [x]", 1, "list"),
    "yaml scalar tag": ("A: !!binary eA==", 1, "Tags"),
    "yaml null": ("A: ~", 1, "null"),
    "yaml twice": ("A: 1\nA: 2", 2, "already used on line 1"),
    "yaml documents": ("A: 1\n---\nB: 1", 2, "more than one document"),
    "yaml quote": ("A: 'x\nB: 1", 2, "not valid YAML"),
    "yaml list": ("- A", 1, "KEY: value"),
    "yaml NUL": ('A: "\\0"', 1, "NUL"),
    "yaml half": ('A: "\\uD800"', 1, "not valid YAML"),
    "yaml number": ("%YAML 99999999999.1\n---\nA: 1", 1, "not valid YAML"),
    "csv columns": ("A,1\nB,2,3", 2, "two columns"),
    "csv one column": ("A\nB", 1, "two columns"),
    "csv quote": ('A,1\nB,"x\nC,3', 2, "never closed"),
    "csv twice": ("A,1\nA,2", 2, "already used on line 1"),
    "csv no key": ("A,1\n,2", 2, "name is missing"),
    "csv NUL": ("A,1\nB,\0", 2, "NUL"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, line, words = REFUSED[name]
    with pytest.raises(Refused, match=words) as refused:
        parse(text, name.partition(" ")[0])
    assert refused.value.line == line


HOSTILE = {
    "yaml nested": "A: " + "[" * 900_000,
    "yaml lists": "- " * 400_000,
    "yaml objects": "{" * 900_000,
    "yaml quote": "A: '" + "x" * 900_000,
    "yaml keys": "".join(f"K{n}: v\n" for n in range(ENTRY_LIMIT + 1)),
    "yaml lines": "A: 1" + "\n" * LINE_LIMIT + "B: 1",
    "yaml bytes": "A: " + "ä" * (BYTE_LIMIT // 2),
    "csv quote": 'A,"' + "x,\n" * 9_000,
    "csv keys": "".join(f"K{n},v\n" for n in range(ENTRY_LIMIT + 1)),
    "csv bytes": "A," + "ä" * (BYTE_LIMIT // 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused_at_once(name: str) -> None:
    text, before = HOSTILE[name], process_time()
    with pytest.raises(Refused) as refused:
        parse(text, name.partition(" ")[0])
    assert process_time() - before < 1
    assert len(str(refused.value)) < 200


def test_entries_never_print_their_values() -> None:
    [entry] = parse("A=hunter2")
    assert "hunter2" not in repr(entry)
