"""A file says in a comment what it leaves out, and no name gets out of that comment."""

import pytest

from envvars_app.formats import FORMATS
from tests.envvars_app.formats.readers import READERS, Read

MARKS = {"env": "# ", "dart": "// ", "plist": "<!-- ", "gradle": "# "}
# For each format a name or a value that it can't hold.
UNHELD = {"env": "\r", "dart": None, "plist": "\x01", "gradle": None}
KEYS = {"env": "PLAIN", "dart": "class", "plist": "PLAIN", "gradle": "org.gradle.jvmargs"}
ESCAPES = [
    *("a\rOUT=1", "a --> <key>b</key>", "a\u2028OUT=1", "a\u0085b", "\\", "a\\", "a*/b"),
    *("é", "{}", "a{0}", "a b", "\x1b[2J", "\u202e"),
]
PAIRS = [(name, reader) for name in MARKS for reader in READERS[name]]


@pytest.mark.parametrize(("name", "reader"), PAIRS, indirect=["reader"])
def test_it_works(name: str, reader: Read) -> None:
    key = KEYS[name]
    rendered = FORMATS[name].render({key: UNHELD[name] or "x", "KEPT": "x"})
    assert f"{MARKS[name]}{key} is not included. {rendered.left_out[key]}" in rendered.text
    assert reader(rendered.text) == {"KEPT": "x"}


@pytest.mark.parametrize(("name", "reader"), PAIRS, indirect=["reader"])
def test_a_name_that_could_end_the_comment_is_counted(name: str, reader: Read) -> None:
    prefix = "org.gradle." if name == "gradle" else ""
    value = "\x01\r\ud83d"
    written = {prefix + key: value for key in ESCAPES}
    rendered = FORMATS[name].render({**written, "KEPT": "x"})
    assert set(rendered.left_out) == set(written)
    told = f"{MARKS[name]}Not included, with names that a comment can't hold: {len(written)}"
    assert told in rendered.text
    assert "OUT=1" not in rendered.text
    assert reader(rendered.text) == {"KEPT": "x"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_long_name_does_no_harm(name: str) -> None:
    rendered = FORMATS[name].render({"A" * 255: "\ud83d"})
    assert len(rendered.left_out) == 1
