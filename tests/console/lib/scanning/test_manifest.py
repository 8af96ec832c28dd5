"""A project declares its keys in `branchkeep.toml`, or in `.env.example`."""

from pathlib import Path

import pytest

from console.lib.scanning.manifest import Declared
from console.lib.value_types.kinds import Kind
from console.lib.value_types.types import ValueType
from tests.console.lib.scanning.project_folder import scanned

SK = ValueType(Kind.PATTERN, "sk_.*")
TOML = """\
# What the shop needs
[secrets.STRIPE_KEY]
description = "The key of the payment provider"
pattern = "sk_.*"

[variables]
API_URL = { required = ["main", "release/*"] }
COLOR = { required = false }

[variables."some.key"]
required = true
"""


def test_it_works(tmp_path: Path) -> None:
    project = scanned(tmp_path, {"branchkeep.toml": TOML, ".env.example": "IGNORED=1"})
    assert (project.manifest, project.problems) == ("branchkeep.toml", [])
    about = "The key of the payment provider"
    assert project.declared == [
        Declared("secret", "STRIPE_KEY", 2, ("*",), about, "sk_.*", SK),
        Declared("variable", "API_URL", 7, ("main", "release/*")),
        Declared("variable", "COLOR", 8),
        Declared("variable", "some.key", 10, ("*",)),
    ]


def test_types(tmp_path: Path) -> None:
    text = """
[variables.API_URL]
type = "url"
[variables.PORT]
type = "integer"
min = 1
max = 65535
[variables.TOKEN]
type = "length"
min = 32
[variables.LEVEL]
type = "enum"
values = ["debug", "info"]
[secrets.FREE]
type = "any"
[secrets.NONE]
"""
    found = scanned(tmp_path, {"branchkeep.toml": text}).declared
    assert [(it.type.kind, it.type.rule) if it.type else it.any_type for it in found] == [
        ("url", ""),
        ("integer", "1..65535"),
        ("length", "32.."),
        ("enum", "debug\ninfo"),
        True,
        False,
    ]


def test_example_file(tmp_path: Path) -> None:
    text = "# Where the API is\n# in each stage\nAPI_URL=http://localhost\n\n# Not about it\n\nB=\n"
    project = scanned(tmp_path, {".env.example": text})
    assert project.declared == [
        Declared("", "API_URL", 3, (), "Where the API is in each stage"),
        Declared("", "B", 7),
    ]
    assert "localhost" not in repr(project)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[secrets.A]\nb = ", 2, "not valid TOML"),
        ("\n[secret.A]\n", 2, "[secrets.KEY]"),
        ("secrets = 1", 1, "[secrets.KEY]"),
        ("[secrets]\nA = true", 2, "[secrets.A]"),
        ("[secrets.A]\n\n[variables.A]\nneeded = true", 3, "“needed” is not known"),
        ("[secrets.A]\nrequired = 'main'", 1, "required must be"),
        ("[secrets.A]\nrequired = [1]", 1, "required must be"),
        (f"[secrets.A]\nrequired = {['*'] * 21}", 1, "20 branches at most"),
        (f"[secrets.A]\nrequired = ['{'*' * 256}']", 1, "255 characters each"),
        (f"[secrets.A]\nmin = {'9' * 5_000}", 1, "a number is too long"),
        ("[secrets.A]\npattern = 1", 1, "pattern must be text"),
        ("[secrets.A]\ntype = 1", 1, "type must be text"),
        ("[secrets.A]\ntype = 'uuid'", 1, "no such type"),
        ("[secrets.A]\ntype = 'url'\npattern = 'a'", 1, "can't have pattern"),
        ("[secrets.A]\nmin = 1", 1, "can't have min"),
        ("[secrets.A]\ntype = 'any'\nmax = 1", 1, "can't have max"),
        ("[secrets.A]\ntype = 'integer'\nmin = true", 1, "must be whole numbers"),
        ("[secrets.A]\ntype = 'integer'\nmin = 2\nmax = 1", 1, "is empty"),
        ("[secrets.A]\ntype = 'enum'\nvalues = 'a'", 1, "must be a list"),
        ("[secrets.A]\npattern = '(?=a)'", 1, "RE2 can't use"),
        ("[" * 5_000, 1, "not valid TOML"),
        (b"\n\xff", 2, "UTF-8"),
        ("[secrets]\n" + "".join(f"A{n} = {{}}\n" for n in range(1_001)), 1, "more than 1,000"),
    ],
)
def test_mistakes(tmp_path: Path, text: str | bytes, line: int, words: str) -> None:
    project = scanned(tmp_path, {"branchkeep.toml": text})
    [problem] = project.problems
    assert (problem.place.path, problem.place.line) == ("branchkeep.toml", line)
    assert words in problem.message
    assert problem.is_error
    assert project.declared == []


def test_mistake_in_an_example_file(tmp_path: Path) -> None:
    project = scanned(tmp_path, {".env.example": "A=1\nB='open\n"})
    assert [problem.place.line for problem in project.problems] == [2]


TOKEN = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


@pytest.mark.parametrize(
    "text", [f'[secrets]\n"{TOKEN}" = true', f"[{TOKEN}]", f'[secrets.A]\n"{TOKEN}" = true']
)
def test_a_token_in_place_of_a_name(tmp_path: Path, text: str) -> None:
    [problem] = scanned(tmp_path, {"branchkeep.toml": text}).problems
    assert TOKEN not in problem.message
    assert "sk_l…" in problem.message


def test_a_value_that_is_commented_out(tmp_path: Path) -> None:
    text = f"# Payments\n# STRIPE_KEY={TOKEN}\n# export A = {TOKEN}\n# Of the shop\nSTRIPE_KEY=\n"
    [declared] = scanned(tmp_path, {".env.example": text}).declared
    assert declared.description == "Of the shop"
