"""`manage.py pull`: effective variables in a private file, written atomically."""

import io
import json
import os
import plistlib
import stat
from collections.abc import Callable
from pathlib import Path

import dotenv
import pytest

from envvars_app.formats import FORMATS
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop")
DEV = (*APP, "--branch", "dev")
PEM = "-----BEGIN\n\n=-----\n"


@pytest.fixture
def pull(manage_as: Manage) -> Manage:
    """Return a function that runs pull, with variables on All branches and on dev."""
    for key, scope, value in (
        ("COLOR", APP, "purple"),
        ("COLOR", DEV, "green"),
        ("PEM", APP, PEM),
    ):
        assert manage_as("variable", "set", key, *scope, stdin=value).code == 0
    return lambda *words, **more: manage_as("pull", *words, **more)


def test_it_works(machine: Machine) -> None:
    machine("variable", "set", "COLOR", *APP, stdin="purple")
    machine("variable", "set", "COLOR", *DEV, stdin="it's\ngreen")
    result = machine("pull", *DEV, "--output", ".env.local")
    assert result == CommandResult(0, "", "")
    file = machine.folder / ".env.local"
    assert dotenv.dotenv_values(file, interpolate=False) == {"COLOR": "it's\ngreen"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dotenv.dotenv_values(stream=io.StringIO(machine("pull", *APP).out)) == {
        "COLOR": "purple"
    }


def test_each_format(pull: Manage) -> None:
    expected = {"COLOR": "green", "PEM": PEM}
    assert json.loads(pull(*DEV, "--format", "json").out) == expected
    assert plistlib.loads(pull(*DEV, "--format", "plist").out.encode()) == expected
    for name in FORMATS:
        result = pull(*DEV, "--format", name)
        assert (result.code, result.err) == (0, "")
        assert result.out == FORMATS[name].render(expected).text


def test_contains_no_secret(manage_as: Manage, pull: Manage) -> None:
    manage_as("secret", "set", "TOKEN", *APP, stdin="s3cret")
    assert "TOKEN" not in pull(*DEV).out


def test_value_the_format_cannot_hold(manage_as: Manage, pull: Manage, tmp_path: Path) -> None:
    manage_as("variable", "set", "odd name", *APP, stdin="x")
    result = pull(*APP)
    assert (result.code, "COLOR" in result.out) == (0, True)
    assert result.err.startswith("odd name is not included. ")
    file = tmp_path / "strict"
    strict = pull(*APP, "--strict", "--output", str(file))
    assert (strict.code, file.exists()) == (1, False)
    assert "Nothing was written" in strict.err
    assert pull(*APP, "--strict", "--format", "json").code == 0


def test_existing_file(pull: Manage, tmp_path: Path) -> None:
    file = tmp_path / ".env.local"
    file.write_text("mine")
    file.chmod(0o644)
    refused = pull(*APP, "--output", str(file))
    assert (refused.code, file.read_text()) == (1, "mine")
    assert "--force" in refused.err
    assert pull(*APP, "--output", str(file), "--force").code == 0
    assert "purple" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env.local"]


@pytest.mark.parametrize("there", [True, False])
def test_symbolic_link_is_not_followed(pull: Manage, tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_text("mine")
    link.symlink_to(target)
    for force in ((), ("--force",)):
        refused = pull(*APP, "--output", str(link), *force)
        assert refused.code == 1
        assert "symbolic link" in refused.err
    assert target.exists() == there
    assert link.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link to somebody else")
def test_folder_behind_a_link_of_another_user(pull: Manage, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.symlink_to(mine)
    assert pull(*APP, "--output", str(theirs / "one")).code == 0
    os.lchown(theirs, 12345, 12345)
    refused = pull(*APP, "--output", str(theirs / "two"))
    assert (refused.code, [file.name for file in mine.iterdir()]) == (1, ["one"])
    assert "symbolic link" in refused.err


@pytest.mark.parametrize("name", ["no/such/folder", ".", "/dev/null/x", "a\0b", "", "x" * 300])
def test_not_a_regular_file(pull: Manage, tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for force in ((), ("--force",)):
        refused = pull(*APP, "--output", name, *force)
        assert (refused.code, refused.out) == (1, "")
        assert [*tmp_path.iterdir()] == []


def test_permissions(pull: Manage) -> None:
    assert pull(*DEV, by="vera").code == 0
    assert pull(*DEV, by="charlie").code == 4
    assert pull(*DEV, "--format", "toml").code == 2


def test_nothing_to_pull(manage_as: Manage) -> None:
    result = manage_as("pull", *APP, "--format", "json")
    assert (result.code, json.loads(result.out)) == (0, {})
