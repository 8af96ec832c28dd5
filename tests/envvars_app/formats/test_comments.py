"""A comment lists what a file leaves out, and no name can break out of that comment."""

import pytest

from envvars_app.formats import FORMATS
from tests.envvars_app.formats.readers import READERS, Read

COMMENT_STARTS = {"env": "# ", "dart": "// ", "plist": "<!-- ", "gradle": "# "}
# A value that the format can't hold; None where the key in KEYS is what it can't hold
UNHELD = {"env": "\r", "dart": None, "plist": "\x01", "gradle": None}
KEYS = {"env": "PLAIN", "dart": "class", "plist": "PLAIN", "gradle": "org.gradle.jvmargs"}
ESCAPES = [
    *("a\rOUT=1", "a --> <key>b</key>", "a\u2028OUT=1", "a\u0085b", "\\", "a\\", "a*/b"),
    *("é", "{}", "a{0}", "a b", "\x1b[2J", "\u202e"),
]
PAIRS = [(name, reader) for name in COMMENT_STARTS for reader in READERS[name]]


@pytest.mark.parametrize(("name", "reader"), PAIRS, indirect=["reader"])
def test_it_works(name: str, reader: Read) -> None:
    key = KEYS[name]
    rendered = FORMATS[name].render({key: UNHELD[name] or "x", "KEPT": "x"})
    assert f"{COMMENT_STARTS[name]}{key} is not included. {rendered.left_out[key]}" in rendered.text
    assert reader(rendered.text) == {"KEPT": "x"}


@pytest.mark.parametrize(("name", "reader"), PAIRS, indirect=["reader"])
def test_a_name_that_could_end_the_comment_is_only_counted(name: str, reader: Read) -> None:
    prefix = "org.gradle." if name == "gradle" else ""
    value = "\x01\r\ud83d"
    written = {prefix + key: value for key in ESCAPES}
    rendered = FORMATS[name].render({**written, "KEPT": "x"})
    assert set(rendered.left_out) == set(written)
    comment = (
        f"{COMMENT_STARTS[name]}Not included, with names that a comment can't hold: {len(written)}"
    )
    assert comment in rendered.text
    assert "OUT=1" not in rendered.text
    assert reader(rendered.text) == {"KEPT": "x"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_long_name(name: str) -> None:
    rendered = FORMATS[name].render({"A" * 255: "\ud83d"})
    assert len(rendered.left_out) == 1
