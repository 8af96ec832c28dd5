"""`manage.py check_environment`: what code needs and a branch lacks, in three formats."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from console.lib.paths import BASE_DIR
from tests.console.cli.planted import FILES, planted_faults
from tests.console.lib.scanning.project_folder import write_files
from tests.factories import create_branch, set_secret, set_variable
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop")
DEV = (*APP, "--branch", "dev")
NAMED = "import { secret } from '@aws-amplify/backend';\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a project that needs two values."""
    write_files(tmp_path, {"amplify/a.ts": NAMED + "secret('KEY');\nf(process.env.URL);\n"})
    return tmp_path


def test_it_works(world: World, manage_as: Manage, folder: Path) -> None:
    set_secret(world, "KEY", "x")
    set_secret(world, "SPARE", "x", world.dev)
    set_variable(world, "URL", "x", world.main)
    result = manage_as("check_environment", str(folder), *APP)
    assert (result.code, result.err) == (1, "1 required value is missing.\n")
    rows = [line.split() for line in result.out.replace("All branches", "All").splitlines()]
    assert rows == [
        ["BRANCH", "STATE", "KIND", "KEY", "WHERE"],
        ["dev", "missing", "variable", "URL", "amplify/a.ts:3"],
        ["dev", "All", "secret", "KEY", "amplify/a.ts:2"],
        ["dev", "unused", "secret", "SPARE"],
        ["main", "own", "variable", "URL", "amplify/a.ts:3"],
        ["main", "All", "secret", "KEY", "amplify/a.ts:2"],
    ]


def test_twenty_planted_faults(world: World, manage_as: Manage, tmp_path: Path) -> None:
    planted = planted_faults()
    assert len(planted) == 20
    write_files(tmp_path, FILES)
    set_secret(world, "HELD_SECRET", "x")
    set_variable(world, "HELD_URL", "x", world.dev)
    result = manage_as("check_environment", str(tmp_path), *DEV, "--format", "json")
    found = json.loads(result.out)
    missing = {
        line["key"]: f"{line['uses'][0]['file']}:{line['uses'][0]['line']}"
        for line in found["keys"]
        if line["state"] == "missing"
    }
    assert missing == planted
    assert result.code == 1
    assert "20 required values are missing." in result.err
    held = {line["key"]: line["state"] for line in found["keys"] if line["state"] != "missing"}
    assert {key for key, state in held.items() if state == "unused"} == set()
    assert (held["HELD_SECRET"], held["HELD_URL"]) == ("All branches", "own")
    assert [(it["kind"], it["file"]) for it in found["unclear"]] == [
        ("secret", "amplify/auth/resource.ts"),
        ("variable", "src/config.ts"),
    ]
    assert found["problems"] == []


def test_nothing_is_missing(world: World, manage_as: Manage, folder: Path) -> None:
    set_secret(world, "KEY", "x", world.dev)
    set_variable(world, "URL", "x")
    for form in ("text", "json", "github"):
        result = manage_as("check_environment", str(folder), *DEV, "--format", form)
        assert (result.code, result.err) == (0, "")
    assert result.out == ""  # annotations are of faults alone


def test_annotations(world: World, manage_as: Manage, tmp_path: Path) -> None:
    create_branch(world, "release/1")
    set_variable(world, "KEY", "x", world.main)
    name = "apps/web/amplify/a,b:c 100%.ts"
    write_files(
        tmp_path, {name: NAMED + "secret('KEY');\nsecret(key);\nf(process.env['A\\n::x%'])"}
    )
    (tmp_path / ".git").mkdir()  # paths in annotations begin at the repository
    root = str(tmp_path / "apps" / "web")
    result = manage_as("check_environment", root, *APP, "--format", "github")
    assert result.code == 1
    file = "file=apps/web/amplify/a%2Cb%3Ac 100%25.ts"
    assert result.out.splitlines() == [
        f"::error {file},line=2,title=Missing secret::KEY has no value on dev, main, release/1.",
        f"::error {file},line=4,title=Missing variable::"
        "A\\n::x%25 has no value on dev, main, release/1.",
        f"::notice {file},line=3,title=Unclear secret::"
        "The key is known only when the code runs, so it was not checked.",
    ]


def test_a_name_with_a_line_break(world: World, manage_as: Manage, tmp_path: Path) -> None:
    """CI takes a line that begins with two colons for a command."""
    write_files(tmp_path, {"branchkeep.toml": '["a\\n::error::x"]\n'})
    result = manage_as("check_environment", str(tmp_path), *APP)
    assert "::error::x" in result.err
    assert not any(line.startswith("::") for line in result.err.splitlines())


def test_manifest_with_a_mistake(world: World, manage_as: Manage, tmp_path: Path) -> None:
    write_files(tmp_path, {"branchkeep.toml": "\n[secret.KEY]\n"})
    result = manage_as("check_environment", str(tmp_path), *APP)
    assert result.code == 1
    assert "branchkeep.toml:2: “secret” is not known here." in result.err
    annotated = manage_as("check_environment", str(tmp_path), *APP, "--format", "github")
    assert annotated.out.startswith("::error file=branchkeep.toml,line=2,title=Not read::")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("no-such-folder", *APP), 2),
        (("/etc/passwd", *APP), 2),
        (APP[:1], 2),
        ((".",), 2),
        ((".", *APP, "--format", "xml"), 2),
        ((".", "--app", "d9none"), 4),
        ((".", *APP, "--branch", "none"), 4),
    ],
)
def test_wrong_usage(world: World, manage_as: Manage, words: tuple[str, ...], code: int) -> None:
    assert manage_as("check_environment", *words).code == code


def test_outsiders_and_viewers(world: World, manage_as: Manage, folder: Path) -> None:
    assert manage_as("check_environment", str(folder), *APP, by="charlie").code == 4
    assert manage_as("check_environment", str(folder), *APP, by="olga").code == 4
    assert manage_as("check_environment", str(folder), *APP, by="vera").code == 1


def test_names_in_files_cannot_disguise_themselves(
    world: World, manage_as: Manage, tmp_path: Path
) -> None:
    code = "f(process.env['\\x1b[2J\\n\\u202eKEY'], process.env['" + "x" * 900 + "'])"
    write_files(tmp_path, {"src/a\n::error::b.ts": code})
    for form in ("text", "json", "github"):
        result = manage_as("check_environment", str(tmp_path), *DEV, "--format", form)
        assert "\x1b" not in result.out
        assert not any(line.startswith("::error::b") for line in result.out.splitlines())
        assert form == "json" or "\u202e" not in result.out


def test_start_does_not_load_the_parser() -> None:
    code = (
        "import django, sys; django.setup();"
        "from django.core.management import get_commands; get_commands(); import console.urls;"
        "print([name for name in sys.modules if name.startswith('tree_sitter')])"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
def test_as_a_process(machine: Machine) -> None:
    write_files(machine.folder, {"project/src/a.ts": "f(process.env.URL)"})
    missing = machine("check_environment", "project", *DEV)
    assert (missing.code, missing.err) == (1, "1 required value is missing.\n")
    assert machine("variable", "set", "URL", *DEV, stdin="x").code == 0
    assert machine("check_environment", "project", *DEV).code == 0
