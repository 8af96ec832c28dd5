"""An older version refuses a database that a newer one has changed, and changes nothing in it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.console.backup.conftest import KEY
from tests.console.upgrade.test_upgrade import VERSIONS, database_of
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine, copy_machine
from tests.fixtures.speed.once import prepared_once
from tests.soak.replicas.server import copy_started_to

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
REFUSED = (
    "A newer version of Branchkeep, or another program, changed the database: this version does "
    "not know {}."
)
MIGRATION = "INSERT INTO django_migrations (app, name, applied) VALUES ('{}', '{}', '2030-01-01')"
NEWER = ("console", "9999_of_the_future")
NEWER_NAME = "the migration console.9999_of_the_future"
CHANGE = "from django.db import connection; connection.cursor().execute({!r})"
OTHERS = {
    "another program's table": "CREATE TABLE theirs (id int)",
    "table of an app that was removed": "CREATE TABLE django_session (id int)",
    "migration of an app that was removed": MIGRATION.format("sessions", "0001_initial"),
}


@pytest.fixture(scope="module")
def code_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the console's code, so that a start creates no var/ here."""
    return copy_started_to(tmp_path_factory.mktemp("code"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Return a machine with an upgraded database of the newest release."""
    if connection.vendor == "sqlite":
        upgraded = copy_machine(prepared_once("upgraded", upgrade_once), tmp_path)
        upgraded.environment["BACKUP_KEY"] = KEY
        yield upgraded
    else:
        with upgraded_machine(tmp_path) as machine:
            yield machine


def upgrade_once(folder: Path) -> None:
    with upgraded_machine(folder):
        pass


@contextmanager
def upgraded_machine(folder: Path) -> Iterator[Machine]:
    with database_of(VERSIONS[-1], folder) as url:
        machine = Machine(folder)
        machine.environment |= {"DATABASE_URL": url, "BACKUP_KEY": KEY}
        assert machine("migrate", "-v0").code == 0
        yield machine


@pytest.fixture
def change(machine: Machine) -> Callable[[str], None]:
    """Return a function that runs a statement on the machine's database."""

    def change(statement: str) -> None:
        changed = machine("shell", "-v0", "-c", CHANGE.format(statement))
        assert changed == CommandResult(0, "", "")

    return change


def run(code_copy: Path, machine: Machine, *command: str) -> tuple[int, str]:
    """Run a Python module with the machine's settings; return its exit code and output."""
    more = {
        "PORT": "0",
        "STATIC_ROOT": str(code_copy),
        "DJANGO_SETTINGS_MODULE": "console.settings",
    }
    environment = machine.environment | more
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=code_copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


@pytest.mark.exhaustive_on_postgres
def test_it_works(machine: Machine, change: Callable[[str], None], code_copy: Path) -> None:
    change("CREATE TABLE envvars_app_future (id int)")
    name = "the table envvars_app_future"
    code, output = run(code_copy, machine, "console.server.start")
    assert code == 1
    assert output.startswith(f"Branchkeep can't start. {REFUSED.format(name)}")
    assert output.endswith(
        "To go back to this one, restore a backup that this version made into a new database.\n"
    )
    assert output.count("\n") == 1
    [found] = [
        it
        for it in json.loads(machine("doctor", "--format", "json").out)
        if it["name"] == "Migrations"
    ]
    assert (found["state"], found["message"]) == ("error", REFUSED.format(name))
    assert found["hint"].startswith("Start the newer version.")


def test_migrations(machine: Machine, change: Callable[[str], None]) -> None:
    """Also of an app that this version doesn't have, and of Django."""
    for app, name in (NEWER, ("flags_app", "0001_initial"), ("auth", "9999_of_the_future")):
        change(MIGRATION.format(app, name))
        result = machine("settle")
        assert (result.code, result.out) == (5, "")
        assert result.err.startswith(REFUSED.format(f"the migration {app}.{name}"))
        change("DELETE FROM django_migrations WHERE applied = '2030-01-01'")


def test_commands(machine: Machine, change: Callable[[str], None]) -> None:
    change(MIGRATION.format(*NEWER))
    backup = ("backup", str(machine.folder / "console.backup"))
    save = ("secret", "set", "KEY", "--app", "d1shop")
    for command in (["verify_audit"], ["send_notices"], ["setup_link"], backup, save):
        result = machine(*command, stdin="value\n")
        assert (result.code, result.out) == (5, ""), command
        assert result.err.startswith(REFUSED.format(NEWER_NAME)), command


@pytest.mark.exhaustive
def test_nothing_is_changed(
    machine: Machine, change: Callable[[str], None], code_copy: Path
) -> None:
    """A missing migration isn't applied next to one that isn't known."""
    change("DELETE FROM django_migrations WHERE app = 'secrets_app' AND name LIKE '0004%'")
    change(MIGRATION.format(*NEWER))
    assert run(code_copy, machine, "console.server.start")[0] == 1
    assert machine("migrate", "--check").code == 1
    migrated = machine("migrate")
    assert migrated.code == 1
    assert "9999_of_the_future" in migrated.err


@pytest.mark.exhaustive
def test_gunicorn(machine: Machine, change: Callable[[str], None], code_copy: Path) -> None:
    """Also a worker that gunicorn replaces after another replica was upgraded."""
    change(MIGRATION.format(*NEWER))
    config = ("--config", "python:console.server.gunicorn", "--workers", "1")
    code, output = run(code_copy, machine, "gunicorn", *config, "--bind", "127.0.0.1:0")
    assert code
    assert REFUSED.format(NEWER_NAME) in output


def test_what_belongs_to_others(
    machine: Machine, change: Callable[[str], None], code_copy: Path
) -> None:
    for statement in OTHERS.values():
        change(statement)
    assert machine("migrate", "-v0").code == 0
    [found] = [
        it
        for it in json.loads(machine("doctor", "--format", "json").out)
        if it["name"] == "Migrations"
    ]
    assert found["state"] == "ok"
