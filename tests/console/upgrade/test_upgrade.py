"""A database of each release is migrated to this version, and keeps everything."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.console.backup import databases
from tests.console.upgrade.release import FIRST, RELEASES, SECOND, fill_database
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine
from tests.fixtures.postgres import psql

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
VERSIONS = sorted(file.name.removesuffix(".sqlite.sql") for file in RELEASES.glob("*.sqlite.sql"))
SHOP = ("--app", "d1shop")


@contextmanager
def database_of(version: str, folder: Path) -> Iterator[str]:
    """Load a release's database, and yield its URL."""
    dump = RELEASES / f"{version}.{connection.vendor}.sql"
    if connection.vendor == "sqlite":
        file = folder / "console.sqlite3"
        file.touch(0o600)
        with closing(sqlite3.connect(file)) as database:
            database.executescript(dump.read_text())
        yield f"sqlite:///{file}"
    else:
        with databases.postgres("release") as created:
            server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
            psql(f"{server}/{created['NAME']}", f"--file={dump}")
            yield f"{server}/{created['NAME']}"


@pytest.fixture(params=VERSIONS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """Return a machine of this version with a release's database."""
    with database_of(request.param, tmp_path) as url:
        machine = Machine(tmp_path)
        machine.environment["DATABASE_URL"] = url
        yield machine


@pytest.mark.both_databases
@pytest.mark.exhaustive_on_postgres
def test_it_works(machine: Machine) -> None:
    assert machine("migrate", "-v0") == CommandResult(0, "", "")
    assert machine("migrate", "--check").code == 0
    check(machine)
    assert machine("secret", "get", "API_KEY", *SHOP) == CommandResult(0, SECOND, "")
    assert machine("secret", "get", "TOKEN", *SHOP, "--branch", "main").out == FIRST
    listed = machine("run", *SHOP, "--branch", "dev", "--list")
    assert (listed.code, listed.err) == (0, "")
    assert "COLOR" in listed.out
    verified = machine("verify_audit")
    assert verified.code == 0, verified.err


def check(machine: Machine) -> None:
    """Check that the doctor finds the tables, the triggers and the keys in order."""
    examined = machine("doctor", "--format", "json")
    states = {it["name"]: (it["state"], it["message"]) for it in json.loads(examined.out)}
    assert states["Migrations"][0] == "ok"
    assert states["Audit trail"][1].startswith("Append-only. The newest of")
    assert states["Keys"][0] == "ok"
    assert machine("settle").code == 0


@pytest.mark.exhaustive
def test_rows_for_the_next_release_can_be_written(tmp_path: Path) -> None:
    fill_database(f"sqlite:///{tmp_path}/next.sqlite3")


def test_doctor_before_the_upgrade(machine: Machine) -> None:
    examined = machine("doctor", "--format", "json")
    [found] = [it for it in json.loads(examined.out) if it["name"] == "Migrations"]
    assert "newer" not in found["message"]
