"""`manage.py pull`: effective variables as a file, written whole, for one's own eyes."""

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
from tests.console.cli.conftest import Ended, Machine

TypeIn = Callable[..., Ended]
APP = ("--app", "d1shop")
DEV = (*APP, "--branch", "dev")
PEM = "-----BEGIN\n\n=-----\n"


@pytest.fixture
def pull(type_in: TypeIn) -> TypeIn:
    """Return a function that pulls; there are variables on All branches and on dev."""
    for key, scope, value in (
        ("COLOUR", APP, "purple"),
        ("COLOUR", DEV, "green"),
        ("PEM", APP, PEM),
    ):
        assert type_in("variable", "set", key, *scope, stdin=value).code == 0
    return lambda *words, **more: type_in("pull", *words, **more)


def test_it_works(machine: Machine) -> None:
    machine("variable", "set", "COLOUR", *APP, stdin="purple")
    machine("variable", "set", "COLOUR", *DEV, stdin="it's\ngreen")
    ended = machine("pull", *DEV, "--output", ".env.local")
    assert ended == Ended(0, "", "")
    file = machine.folder / ".env.local"
    assert dotenv.dotenv_values(file, interpolate=False) == {"COLOUR": "it's\ngreen"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dotenv.dotenv_values(stream=io.StringIO(machine("pull", *APP).out)) == {
        "COLOUR": "purple"
    }


def test_each_format(pull: TypeIn) -> None:
    expected = {"COLOUR": "green", "PEM": PEM}
    assert json.loads(pull(*DEV, "--format", "json").out) == expected
    assert plistlib.loads(pull(*DEV, "--format", "plist").out.encode()) == expected
    for name in FORMATS:
        ended = pull(*DEV, "--format", name)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out == FORMATS[name].render(expected).text


def test_no_secret_is_in_it(type_in: TypeIn, pull: TypeIn) -> None:
    type_in("secret", "set", "TOKEN", *APP, stdin="s3cret")
    assert "TOKEN" not in pull(*DEV).out


def test_what_a_format_can_not_hold(type_in: TypeIn, pull: TypeIn, tmp_path: Path) -> None:
    type_in("variable", "set", "odd name", *APP, stdin="x")
    told = pull(*APP)
    assert (told.code, "COLOUR" in told.out) == (0, True)
    assert told.err.startswith("odd name is not included. ")
    file = tmp_path / "strict"
    strict = pull(*APP, "--strict", "--output", str(file))
    assert (strict.code, file.exists()) == (1, False)
    assert "Nothing was written" in strict.err
    assert pull(*APP, "--strict", "--format", "json").code == 0


def test_a_file_that_is_there_stays(pull: TypeIn, tmp_path: Path) -> None:
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
def test_a_link_is_not_written_through(pull: TypeIn, tmp_path: Path, there: bool) -> None:
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
def test_a_folder_behind_somebody_elses_link(pull: TypeIn, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.symlink_to(mine)
    assert pull(*APP, "--output", str(theirs / "one")).code == 0
    os.lchown(theirs, 12345, 12345)
    refused = pull(*APP, "--output", str(theirs / "two"))
    assert (refused.code, [file.name for file in mine.iterdir()]) == (1, ["one"])
    assert "symbolic link" in refused.err


@pytest.mark.parametrize("name", ["no/such/folder", ".", "/dev/null/x", "a\0b", "", "x" * 300])
def test_what_is_no_file(pull: TypeIn, tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for force in ((), ("--force",)):
        refused = pull(*APP, "--output", name, *force)
        assert (refused.code, refused.out) == (1, "")
        assert [*tmp_path.iterdir()] == []


def test_rights(pull: TypeIn) -> None:
    assert pull(*DEV, who="vera").code == 0
    assert pull(*DEV, who="charlie").code == 4
    assert pull(*DEV, "--format", "toml").code == 2


def test_nothing_to_pull(type_in: TypeIn) -> None:
    ended = type_in("pull", *APP, "--format", "json")
    assert (ended.code, json.loads(ended.out)) == (0, {})
