"""Run each recipe in bash, and read its file with the format's own parser."""

import json
import os
import plistlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import javaproperties
import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from envvars_app.buildspec import DEFAULT
from envvars_app.buildspec.inserting import build_phases, insert
from envvars_app.buildspec.recipes import RECIPES, InvalidSelection, commands_for

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

Values = dict[str, str]
PLAIN = {
    "EMPTY": "",
    "URL": "https://example.org/?a=b&c=%20d",
    "WORDS": "two words",
    "MONEY": "costs $5, $HOME, ${HOME}",
    "BACKSLASHES": r"C:\new\table \\ \u0041",
    "INNER": """it's "quoted" inside""",
    "ANY_SCRIPT": "пароль 密码 🔑 e\u0301",
    "SHELL": "a; $(touch ran); `touch ran`; touch ran & | > ran < * ? [a] {b} ! ~",
    "OPTION": "-n",
}
QUOTED = PLAIN | {
    "AROUND": "  spaces and a tab\t",
    "HASH": "a # b#c",
    "SINGLE": "'single'",
    "DOUBLE": '"double"',
    "BACKTICK": "`id`",
    "LINES": "first\nSECOND=2\n\n# no comment\n",
    "SEPARATORS": "=:!\u2028and\u0085more",
    "XML": "<key>&amp;</key>]]>",
    "LITERAL": r"\n \r \t $$ $& ${x}",
}
ANY = QUOTED | {"CARRIAGE": "a\r\nb\rc", "EVERY_QUOTE": "' ` \""}
# python-dotenv doesn't support `, and treats these two as escapes
FOR_PYTHON = {key: value for key, value in QUOTED.items() if not re.search(r"'|\\\\", value)}
CONTROL = {"CONTROL": "bell \x07 escape \x1b delete \x7f"}
# Also in the build's environment, but not selected
OTHERS = {"URL_OF_ANOTHER": "no", "NOT_URL": "no", "WORD": "no", "A_LINE": "x\nURL=no"}


def _python_dotenv(path: Path) -> Values:
    return {key: value or "" for key, value in dotenv_values(path, interpolate=False).items()}


def _node(path: Path) -> Values:
    code = "console.log(JSON.stringify(require('util').parseEnv(fs.readFileSync(0, 'utf8'))))"
    done = subprocess.run(["node", "-e", code], input=path.read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    found: Values = json.loads(done.stdout)
    return found


def _expanded(path: Path) -> Values:
    """Read a file as a framework does that expands it: \\$ is a $."""
    return {key: value.replace("\\$", "$") for key, value in _node(path).items()}


def _json(path: Path) -> Values:
    found: Values = json.loads(path.read_bytes())
    return found


def _plist(path: Path) -> Values:
    found: Values = plistlib.loads(path.read_bytes())
    return found


def _properties(path: Path) -> Values:
    with path.open(encoding="latin-1") as file:  # as Gradle does
        return dict(javaproperties.load(file))


def _text(literal: str, escapes: Values, forbidden: str = "") -> str:
    r"""Unquote a literal; \u has four digits, one UTF-16 unit, in each of the languages."""
    assert literal[0] == literal[-1] == '"'
    signs, read = iter(literal[1:-1]), []
    for sign in signs:
        assert sign not in '"\n\r' + forbidden, literal
        if sign != "\\":
            read.append(sign)
        elif (escape := next(signs)) == "u":
            read.append(chr(int("".join(next(signs) for _ in range(4)), 16)))
        else:
            read.append(escapes[escape])
    return "".join(read).encode("utf-16", "surrogatepass").decode("utf-16")


_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}
DART = _SHORT | {"v": "\v", "$": "$"}
GROOVY = _SHORT | {"$": "$"}
JAVA = _SHORT | {"s": " "}
_LITERAL = r'("(?:[^"\\]|\\.)*")'


def _dart(path: Path) -> Values:
    first, *lines, last, end = path.read_bytes().decode().split("\n")
    assert (first, last, end) == ("abstract final class Env {", "}", "")
    found = [re.fullmatch(rf"  static const String (\w+) = {_LITERAL};", line) for line in lines]
    return {m[1]: _text(m[2], DART, "$") for m in found if m}


def _build_config(path: Path) -> Values:
    first, *lines, last, end = path.read_bytes().decode().split("\n")
    assert (first, last, end) == ("android.defaultConfig {", "}", "")
    field = rf'  buildConfigField "String", "(\w+)", {_LITERAL}'
    found = [re.fullmatch(field, line) for line in lines]
    return {m[1]: _text(_text(m[2], GROOVY, "$"), JAVA) for m in found if m}


# The parsers of each recipe's file, and the hardest values that they read back
READERS = [
    ("env", _python_dotenv, PLAIN),
    ("env", _node, PLAIN),
    ("env-quoted", _node, QUOTED),
    ("env-quoted", _python_dotenv, FOR_PYTHON),
    ("env-expanded", _expanded, QUOTED),
    ("production", _python_dotenv, PLAIN),
    ("production", _node, PLAIN),
    ("production-quoted", _node, QUOTED),
    ("production-expanded", _expanded, QUOTED),
    ("flutter-env", _node, PLAIN),
    ("flutter-dart", _dart, ANY | CONTROL),
    ("flutter-json", _json, ANY | CONTROL),
    ("web-json", _json, ANY | CONTROL),
    ("android-properties", _properties, ANY | CONTROL),
    ("android-build-config", _build_config, ANY | CONTROL),
    ("ios-plist", _plist, ANY),
    ("ios-json", _json, ANY | CONTROL),
]


def run(lines: list[str], values: Values, folder: Path) -> None:
    """Insert commands into a specification, and run them as a build does."""
    specification = insert(DEFAULT, "", lines)
    *commands, build = build_phases(specification)[0].commands
    assert (commands, build) == (lines, "npm run build")
    for name in ("lib", "app"):
        (folder / name).mkdir(exist_ok=True)
    script = "\n".join(["set -e -o pipefail", *commands])
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **values}
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=folder, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def written(slug: str, values: Values, folder: Path) -> Path:
    """Run a recipe for all `values`, and return the file it writes."""
    recipe = RECIPES[slug]
    run(commands_for(recipe, names=list(values), prefix="", folder=""), values | OTHERS, folder)
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / recipe.file]
    return folder / recipe.file


@needs_node
@pytest.mark.parametrize(
    ("slug", "read", "values"),
    READERS,
    ids=[f"{slug} {read.__name__}" for slug, read, _ in READERS],
)
def test_it_works(
    tmp_path: Path, slug: str, read: Callable[[Path], Values], values: Values
) -> None:
    assert read(written(slug, values, tmp_path)) == values


def test_every_recipe_has_a_reader() -> None:
    assert {slug for slug, _, _ in READERS} == set(RECIPES)


@needs_node
@settings(max_examples=5)
@given(texts=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=20))
@pytest.mark.parametrize(
    ("slug", "read"),
    [(slug, read) for slug, read, values in READERS if "CONTROL" in values],
    ids=[slug for slug, _, values in READERS if "CONTROL" in values],
)
def test_any_value(slug: str, read: Callable[[Path], Values], texts: list[str]) -> None:
    values = {f"V{number}": text for number, text in enumerate(texts)}
    with TemporaryDirectory() as folder:
        assert read(written(slug, values, Path(folder))) == values


def test_simple_recipes_are_spelled_as_in_the_amplify_documentation() -> None:
    env, production = RECIPES["env"], RECIPES["production"]
    assert commands_for(env, names=["X"], prefix="", folder="") == ['echo "X=$X" >> .env']
    assert commands_for(production, names=["Y", "X"], prefix="", folder="") == [
        "env | grep -e ^X= -e ^Y= >> .env.production"
    ]


def test_a_prefix_matches_variables_at_build_time(tmp_path: Path) -> None:
    names = ["NEXT_PUBLIC_A", "OTHER"]
    lines = commands_for(RECIPES["production"], names=names, prefix="NEXT_PUBLIC_", folder="")
    assert lines == ["env | grep -e ^OTHER= -e ^NEXT_PUBLIC_ >> .env.production"]
    values = {"NEXT_PUBLIC_A": "a", "NEXT_PUBLIC_LATER": "b", "OTHER": "c"}
    run(lines, {**values, "MY_NEXT_PUBLIC_A": "no", "OTHERS": "no"}, tmp_path)
    assert _python_dotenv(tmp_path / ".env.production") == values


@pytest.mark.parametrize("folder", ["apps/web", "apps/web/", "./apps/web", "/apps/web"])
def test_a_monorepos_app_root(tmp_path: Path, folder: str) -> None:
    (tmp_path / "apps" / "web").mkdir(parents=True)
    lines = commands_for(RECIPES["env"], names=["X"], prefix="", folder=folder)
    assert lines == ['echo "X=$X" >> apps/web/.env']
    run(lines, {"X": "1"}, tmp_path)
    assert _python_dotenv(tmp_path / "apps/web/.env") == {"X": "1"}


@needs_node
@pytest.mark.parametrize(
    ("slug", "read"), [("env-quoted", _node), ("android-properties", _properties)]
)
def test_an_existing_file_keeps_its_last_line(
    tmp_path: Path, slug: str, read: Callable[[Path], Values]
) -> None:
    path = tmp_path / RECIPES[slug].file
    path.write_text("BEFORE=1")  # no newline at the end
    assert read(written(slug, {"X": "2"}, tmp_path)) == {"BEFORE": "1", "X": "2"}


@needs_node
@pytest.mark.parametrize("slug", [slug for slug in RECIPES if slug != "production"])
def test_a_missing_variable_does_not_fail_the_build(tmp_path: Path, slug: str) -> None:
    lines = commands_for(RECIPES[slug], names=["HERE", "MISSING"], prefix="", folder="")
    run(lines, {"HERE": "yes"}, tmp_path)
    assert b"undefined" not in (tmp_path / RECIPES[slug].file).read_bytes()


@pytest.mark.parametrize("slug", RECIPES)
@pytest.mark.parametrize("name", ["a-b", "a b", "1A", "$(id)", "X;id", "X\nid", "É", "", "a'b"])
def test_invalid_shell_names(slug: str, name: str) -> None:
    with pytest.raises(InvalidSelection, match="A shell can't read") as refusal:
        commands_for(RECIPES[slug], names=["GOOD", name], prefix="", folder="")
    assert refusal.value.field == "names"


def test_no_names() -> None:
    with pytest.raises(InvalidSelection, match="Choose at least one variable"):
        commands_for(RECIPES["env"], names=[], prefix="", folder="")


@pytest.mark.parametrize(
    "folder", ["..", "../x", "a/../b", "a b", "a;id", "$HOME", "a//b", "a/.git", "-r", "a\nb", "é"]
)
def test_invalid_folders(folder: str) -> None:
    with pytest.raises(InvalidSelection, match="Enter the folder") as refusal:
        commands_for(RECIPES["env"], names=["X"], prefix="", folder=folder)
    assert refusal.value.field == "folder"


@pytest.mark.parametrize("prefix", ["X;id", "$(id)", "a b", "1", "^", ".*", "X\nid"])
def test_invalid_prefixes(prefix: str) -> None:
    with pytest.raises(InvalidSelection, match="A prefix can contain") as refusal:
        commands_for(RECIPES["production"], names=["X"], prefix=prefix, folder="")
    assert refusal.value.field == "prefix"


@pytest.mark.parametrize("name", ["_PRIVATE", "class", "Env"])
def test_invalid_dart_names(name: str) -> None:
    with pytest.raises(InvalidSelection, match="can't be written to this file") as refusal:
        commands_for(RECIPES["flutter-dart"], names=["GOOD", name], prefix="", folder="")
    assert refusal.value.field == "names"
    assert commands_for(RECIPES["flutter-json"], names=[name], prefix="", folder="")
