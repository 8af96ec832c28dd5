"""Backups as processes: to another machine, through a pipe, on a full disk."""

import stat
from pathlib import Path

import pytest
from django.db import connection

from tests.console.backup.conftest import KEY
from tests.console.cli.terminal import open_terminal
from tests.fixtures.machine import Machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it makes a database file of its own"),
]
BACKUP_KEY = {"BACKUP_KEY": KEY}
SCOPE = ("--app", "d1shop", "--branch", "dev")


@pytest.fixture
def another(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Return a machine that has only the keys."""
    return Machine(tmp_path_factory.mktemp("another"))


@pytest.mark.exhaustive
def test_it_works(machine: Machine, another: Machine) -> None:
    assert machine("secret", "set", "KEY", *SCOPE, stdin="a value").code == 0
    machine.environment |= BACKUP_KEY
    with (another.folder / "x.backup").open("wb") as file:
        process = machine.start("backup", "-", stdout=file)
        _out, err = process.communicate(timeout=300)
    assert (process.returncode, err.decode()[:17]) == (0, "Wrote the backup:")
    another.environment |= BACKUP_KEY
    piped = another("restore", "-", stdin=(another.folder / "x.backup").read_bytes())
    assert piped.code == 0, piped.err
    assert another("secret", "get", "KEY", *SCOPE).out == "a value"
    database = another.folder / "console.sqlite3"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    again = another("restore", "x.backup")
    assert (again.code, again.out) == (1, "")
    assert "The database is not empty" in again.err


def test_full_disk(machine: Machine) -> None:
    machine.environment |= BACKUP_KEY
    with Path("/dev/full").open("wb") as full:
        process = machine.start("backup", "-", stdout=full)
        _out, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert err.decode() == "The operating system reported an error: No space left on device.\n"


def test_output_to_a_terminal(machine: Machine) -> None:
    machine.environment |= BACKUP_KEY
    with open_terminal(machine, "backup", "-") as terminal:
        assert terminal.end() == 2
    assert "A backup can't be written to a terminal." in terminal.output
