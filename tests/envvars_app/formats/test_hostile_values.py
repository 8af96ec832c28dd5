"""Each format's own parsers read back what was written (guarantee 36)."""

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings

from console.lib.documents.json import parse_json
from console.lib.text.dotenv import parse, quote
from envvars_app.formats import FORMATS
from tests.envvars_app.formats.readers import ENV_READERS, READERS, Read
from tests.envvars_app.formats.values import COMMON, CONTESTED, variables

PAIRS = [(name, reader) for name, of_format in READERS.items() for reader in of_format]


def _kept(name: str, written: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    rendered = FORMATS[name].render(written)
    assert set(rendered.left_out) <= set(written)
    assert all(rendered.left_out.values())
    kept = {key: value for key, value in written.items() if key not in rendered.left_out}
    return rendered.text, kept


@pytest.mark.parametrize(("name", "reader"), PAIRS, indirect=["reader"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(written=variables)
def test_it_works(name: str, reader: Read, written: dict[str, str]) -> None:
    text, kept = _kept(name, written)
    assert reader(text) == kept


@pytest.mark.parametrize("reader", ENV_READERS, indirect=True)
def test_common_values_are_in_env(reader: Read) -> None:
    text, kept = _kept("env", COMMON)
    assert kept == COMMON
    assert reader(text) == COMMON


@given(written=variables)
def test_our_own_parsers_read_what_was_written(written: dict[str, str]) -> None:
    text, kept = _kept("env", written)
    assert {entry.key: entry.value for entry in parse(text)} == kept
    without_nul = {key: value for key, value in written.items() if "\0" not in value}
    text, kept = _kept("json", without_nul)
    assert kept == without_nul
    assert {entry.key: entry.value for entry in parse_json(text)} == without_nul


@pytest.mark.parametrize("key", CONTESTED)
def test_a_contested_value_is_left_out_with_a_comment(key: str) -> None:
    text, kept = _kept("env", {**COMMON, key: CONTESTED[key]})
    assert kept == COMMON
    assert text.startswith(f"# {key} is not included. The value ")


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_of_the_variables_does_not_matter(name: str) -> None:
    backwards = dict(reversed(COMMON.items()))
    assert FORMATS[name].render(backwards) == FORMATS[name].render(COMMON)


@pytest.mark.parametrize(("name", "reader"), PAIRS, indirect=["reader"])
def test_no_variables(name: str, reader: Read) -> None:
    text, kept = _kept(name, {})
    assert reader(text) == kept == {}


@pytest.mark.parametrize("opening", ["${", "${:-", "${a:", "${a:-b"])
def test_unclosed_interpolations_are_read_once(opening: str) -> None:
    """Not timed: at this size, a second pass for each opening would take more than an hour."""
    value = opening * 500_000
    assert quote(value) == f"'{value}'"
    assert quote(value + "}") is None


@pytest.mark.parametrize("name", FORMATS)
def test_a_lone_surrogate_is_left_out_of_every_format(name: str) -> None:
    rendered = FORMATS[name].render({"A": "x\ud83d", "B": "x"})
    assert list(rendered.left_out) == ["A"]
    rendered.text.encode()
