"""Render Dart constants for any value."""

import pytest

from envvars_app.formats import FORMATS
from tests.envvars_app.formats import dart

RENDERED = """\
abstract final class Env {
  static const String API_URL = 'https://example.org/?a=\\$b';
  static const String LINES = 'it\\'s\\n\\ttwo\\r\\\\n';
  static const String SCRIPT = 'é 🔑\\u{202e}\\u{a0}\\u{0}';
}
"""
VARIABLES = {
    "SCRIPT": "é 🔑\u202e\xa0\0",
    "LINES": "it's\n\ttwo\r\\n",
    "API_URL": "https://example.org/?a=$b",
}


def test_it_works() -> None:
    rendered = FORMATS["dart"].render(VARIABLES)
    assert (rendered.text, rendered.left_out) == (RENDERED, {})
    assert dart.read(RENDERED) == VARIABLES


@pytest.mark.parametrize(
    "key", ["apiUrl", "API_2", "a$b", "$a", "await", "static", "get", "Object"]
)
def test_a_valid_name_is_kept(key: str) -> None:
    assert dart.read(FORMATS["dart"].render({key: "x"}).text) == {key: "x"}


@pytest.mark.parametrize("key", ["a b", "1A", "a.b", "a-b", "é", "_LIVE_UPDATES", "a;b", "a\u2028"])
def test_other_names_are_left_out(key: str) -> None:
    rendered = FORMATS["dart"].render({key: "x"})
    assert "not a public Dart identifier" in rendered.left_out[key]
    assert dart.read(rendered.text) == {}


@pytest.mark.parametrize(
    "key", ["class", "default", "in", "null", "with", "Env", "String", "hashCode", "toString"]
)
def test_a_name_that_would_not_compile_is_left_out(key: str) -> None:
    rendered = FORMATS["dart"].render({key: "x"})
    assert rendered.left_out == {key: "The name is reserved in Dart. Rename it, or use JSON."}


@pytest.mark.parametrize(
    "body", ["'$x'", "'\\u{zz}'", "'\\x1'", "'a\nb'", '"a"', "'a' 'b'", "'a", "r'a'"]
)
def test_our_own_reader_is_strict(body: str) -> None:
    with pytest.raises((AssertionError, IndexError)):
        dart.read(RENDERED.replace("'https://example.org/?a=\\$b'", body))
