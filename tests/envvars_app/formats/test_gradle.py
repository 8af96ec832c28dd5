"""Render gradle.properties in plain ASCII, without Gradle's own settings."""

import javaproperties
import pytest

from envvars_app.formats import FORMATS

RENDERED = r"""A\ B=\ x\: y
API_URL=https\://example.org/?a\=b\#c
SCRIPT=\u00e9\ud83d\udd11\u000a\\n\!
"""
VARIABLES = {"SCRIPT": "é🔑\n\\n!", "A B": " x: y", "API_URL": "https://example.org/?a=b#c"}


def test_it_works() -> None:
    rendered = FORMATS["gradle"].render(VARIABLES)
    assert (rendered.text, rendered.left_out) == (RENDERED, {})
    assert javaproperties.loads(RENDERED) == VARIABLES


@pytest.mark.parametrize("key", ["org.gradle.jvmargs", "org.gradle.java.home", "systemProp.a"])
def test_gradles_own_settings_are_left_out(key: str) -> None:
    rendered = FORMATS["gradle"].render({key: "-javaagent:x.jar", "A": "x"})
    assert "for its own settings" in rendered.left_out[key]
    assert javaproperties.loads(rendered.text) == {"A": "x"}


@pytest.mark.parametrize("key", ["org.gradle", "systemProp", "#a", "!a", "a:b", " a", "a\\", "\ta"])
def test_any_other_name_is_kept(key: str) -> None:
    rendered = FORMATS["gradle"].render({key: "x"})
    assert javaproperties.loads(rendered.text) == {key: "x"}


def test_it_is_ascii() -> None:
    everything = "".join(map(chr, [*range(0x3000), 0xFEFF, 0x1F511]))
    rendered = FORMATS["gradle"].render({"A": everything})
    assert rendered.text.isascii()
    assert set(rendered.text) & set(map(chr, range(32))) == {"\n"}
    assert javaproperties.loads(rendered.text) == {"A": everything}
