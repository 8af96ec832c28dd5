"""Files that the lines of a build write: each reader gets the present values, or they are named.

guarantee 36
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envvars_app.buildspec.holding import expansion_note
from envvars_app.buildspec.recipes import RECIPES, best_recipe, commands_for
from tests.envvars_app.formats.readers import ENV_READERS, JAVA, Read
from tests.envvars_app.formats.values import COMMON, CONTESTED, values

# Of the issue: colors, links, padded and several lines
REPORTED = {
    "ACCENT": "#ff0000",
    "HOME_LINK": "https://x.example.com/#/home",
    "GREETING": " hi there ",
    "SIGN_CERT": "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA=\n-----END CERTIFICATE-----",
}
SIMILAR = {
    "SHADE": "#fff",
    "QUERY": "https://x.example.com/?a=1&b=2#top",
    "TAB_AROUND": "\tx\t",
    "QUOTED": '"hi"',
    "TRAILING": "x\n",
    "WORDS": "two words",
    "APOSTROPHE": "it's",
    "JSON": '{"a": 1}',
    "PRICE": "5$",
    "TILDE": "~/x",
}
PLAIN = {
    "PLAIN_URL": "https://x.example.com/a_b.c",
    "PORT": "3000",
    "EMPTY": "",
    "MAIL": "a@example.com",
}
_READERS_OF = {
    "env": ENV_READERS,
    "env-quoted": ENV_READERS,
    "production": ENV_READERS,
    "production-quoted": ENV_READERS,
    "flutter-env": ENV_READERS,
    "env-expanded": ("npm, expanding",),
    "production-expanded": ("npm, expanding",),
    "android-properties": ("javaproperties", JAVA),
    "flutter-json": ("json", "JSON.parse"),
    "ios-plist": ("plistlib",),
}
CONTESTED_WITHOUT_NUL = {key: value for key, value in CONTESTED.items() if "\0" not in value}
PAIRS = [(slug, reader) for slug, readers in _READERS_OF.items() for reader in readers]
texts = st.lists(values.filter(lambda text: "\0" not in text), max_size=12)


def write(slug: str, variables: Mapping[str, str], folder: Path) -> str:
    """Run a recipe's lines for the variables, as a build does, and return the file."""
    recipe = RECIPES[slug]
    file = folder / recipe.file
    file.unlink(missing_ok=True)
    lines = commands_for(recipe, names=list(variables), prefix="", folder="")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **variables}
    script = "\n".join(["set -e -o pipefail", *lines])
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=folder, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    return file.read_bytes().decode("latin-1" if slug == "android-properties" else "utf-8")


def held(slug: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the page doesn't name as ones that the file can't hold."""
    problem = RECIPES[slug].problem
    return {key: value for key, value in variables.items() if not problem(value)}


@pytest.mark.parametrize("reader", ENV_READERS, indirect=True)
def test_it_works(tmp_path: Path, reader: Read) -> None:
    assert held("env", REPORTED) == {}
    recipe = best_recipe(RECIPES["env"], set(REPORTED.values()))
    assert recipe.slug == "env-quoted"
    assert reader(write(recipe.slug, REPORTED, tmp_path)) == REPORTED


@pytest.mark.parametrize("key", SIMILAR)
def test_similar_values_need_quotes(key: str) -> None:
    assert held("env", SIMILAR) == {}
    assert held("production", SIMILAR) == {}
    assert best_recipe(RECIPES["production"], {SIMILAR[key]}).slug == "production-quoted"


@pytest.mark.parametrize("slug", ["env", "production", "flutter-env"])
def test_plain_values_need_no_quotes(slug: str) -> None:
    assert best_recipe(RECIPES[slug], {"https://x.example.com", "3000", ""}) is RECIPES[slug]


@pytest.mark.parametrize(("slug", "reader"), PAIRS, indirect=["reader"])
def test_common_values(tmp_path: Path, slug: str, reader: Read) -> None:
    variables = held(slug, {**REPORTED, **SIMILAR, **PLAIN, **COMMON, **CONTESTED_WITHOUT_NUL})
    assert {*PLAIN} <= {*variables}
    assert reader(write(slug, variables, tmp_path)) == variables


@pytest.mark.parametrize(("slug", "reader"), PAIRS, indirect=["reader"])
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(written=texts)
def test_hostile_values(tmp_path: Path, slug: str, reader: Read, written: list[str]) -> None:
    variables = held(slug, {f"V{number}": text for number, text in enumerate(written)})
    if variables:
        assert reader(write(slug, variables, tmp_path)) == variables


@pytest.mark.parametrize("value", ["a\r\nb", "${HOME}/x", """it's "so" """, "it's $HOME", "'`\""])
def test_values_that_need_json(value: str) -> None:
    assert RECIPES["env-quoted"].problem(value)
    assert best_recipe(RECIPES["production-quoted"], {value}).problem(value) == ""


@pytest.mark.parametrize("value", ["$BASE/v2", "a$$b", "5$", "${X}"])
def test_values_that_frameworks_expand(tmp_path: Path, value: str) -> None:
    assert expansion_note(value)
    assert RECIPES["env-quoted"].for_expanding == "env-expanded"
    assert "\\$" in write("env-expanded", {"A": value}, tmp_path)


@pytest.mark.parametrize("slug", ["env", "env-quoted"])
def test_nodes_own_option(tmp_path: Path, slug: str) -> None:
    variables = held(slug, {**REPORTED, **SIMILAR, **PLAIN})
    write(slug, variables, tmp_path)
    code = "console.log(JSON.stringify(process.env))"
    command = ["node", f"--env-file={RECIPES[slug].file}", "-e", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    read = json.loads(done.stdout)
    assert {key: read[key] for key in variables} == variables


def test_a_value_with_every_quote_fails_the_build(tmp_path: Path) -> None:
    """It would end its quotes and could add another variable to the file."""
    with pytest.raises(AssertionError):
        write("env-quoted", {"A": "'`\"\nB=1"}, tmp_path)


@pytest.mark.parametrize("slug", ["env-quoted", "env-expanded"])
def test_a_value_that_ends_with_a_backslash_fails_the_build(tmp_path: Path, slug: str) -> None:
    r"""npm's dotenv reads \\' as part of the value, up to a quote in another variable's."""
    assert RECIPES[slug].problem("C:\\")
    with pytest.raises(AssertionError):
        write(slug, {"A": "C:\\", "B": "#'\nINJECTED='"}, tmp_path)
