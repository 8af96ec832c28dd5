"""The database of compose.yaml: the console's role owns its schema and nothing else.

The script that creates the role runs on a real PostgreSQL; the entrypoint that hands it to the
image runs with a stand-in for the image's own.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.lib.paths import BASE_DIR
from tests.fixtures import postgres
from tests.fixtures.machine import Machine

PASSWORD = 'it\'s a "password" of $signs\\'
SCRIPT = "/docker-entrypoint-initdb.d/console.sql"
OWNED = """
SELECT 'database', datname FROM pg_database WHERE datdba = 'console'::regrole
UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspowner = 'console'::regrole
UNION ALL SELECT DISTINCT 'in', relnamespace::regnamespace::text FROM pg_class
    WHERE relowner = 'console'::regrole AND relnamespace <> 'pg_toast'::regnamespace
"""
RIGHTS = """
SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolpassword IS NULL
FROM pg_authid WHERE rolname = '{}'
"""
pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture(scope="module")
def database() -> dict[str, Any]:
    """Return the service of the database."""
    return dict(yaml.safe_load((BASE_DIR / "compose.yaml").read_text())["services"]["database"])


@pytest.fixture(scope="module")
def url(database: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server as the image creates it, and yield its superuser's URL."""
    script = tmp_path_factory.mktemp("script") / "console.sql"
    script.write_text(database["environment"]["CREATE_ROLE"])
    with postgres.running(superuser="postgres") as url:
        postgres.psql(url, f"--file={script}", POSTGRES_PASSWORD=PASSWORD)
        yield url


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Machine:
    """Return a machine whose console connects as its role."""
    machine = Machine(tmp_path)
    machine.environment["DATABASE_URL"] = as_console(url)
    assert machine("migrate", "-v0").code == 0
    return machine


def as_console(url: str) -> str:
    """Return the URL of the console's role and database on this server."""
    return url.replace("postgres@", "console@").rpartition("/")[0] + "/console"


def test_it_works(url: str, machine: Machine) -> None:
    examined = json.loads(machine("doctor", "--format", "json").out)
    states = {it["name"]: it["state"] for it in examined}
    assert (states["Database role"], states["Migrations"], states["Audit trail"]) == ("ok",) * 3
    owned = postgres.psql(url.rpartition("/")[0] + "/console", f"--command={OWNED}")
    assert sorted(owned.split()) == ["in|console", "schema|console"]
    assert postgres.psql(url, f"--command={RIGHTS.format('console')}").strip() == "f|f|f|f|f|f"


FORBIDDEN = {
    "skip triggers": "SET session_replication_role = replica",
    "create a role": "CREATE ROLE intruder",
    "create a database": "CREATE DATABASE intruder",
    "create a schema": "CREATE SCHEMA intruder",
    "read a file": "COPY (SELECT 1) TO '/tmp/intruder'",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "read passwords": "SELECT rolpassword FROM pg_authid",
    "become the superuser": "SET ROLE postgres",
    "empty the audit trail": "TRUNCATE console_auditevent CASCADE",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_role_may_not(url: str, machine: Machine, what: str) -> None:
    with pytest.raises(AssertionError, match=r"permission denied|must be|append-only"):
        postgres.psql(as_console(url), f"--command={FORBIDDEN[what]}")


def test_superuser_has_no_password(url: str) -> None:
    """Only a connection inside its container needs none."""
    assert postgres.psql(url, f"--command={RIGHTS.format('postgres')}").strip().endswith("|t")


@pytest.mark.exhaustive
def test_documented_commands_before_a_restore(
    url: str, database: dict[str, Any], machine: Machine, tmp_path: Path
) -> None:
    document = (BASE_DIR / "docs/backup.md").read_text()
    [rename] = re.findall(rf"psql -U postgres -c '([^']+)' -f {SCRIPT}`", document)
    (tmp_path / "console.sql").write_text(database["environment"]["CREATE_ROLE"])
    again = [f"--command={rename}", f"--file={tmp_path / 'console.sql'}"]
    postgres.psql(url, *again, POSTGRES_PASSWORD=PASSWORD)
    names = postgres.psql(url, "--command=SELECT datname FROM pg_database").split()
    assert {"console", "lost"} <= set(names)
    assert machine("migrate", "-v0").code == 0
    postgres.psql(url, "--command=DROP DATABASE lost")


def test_entrypoint_hands_the_script_to_the_image(database: dict[str, Any], tmp_path: Path) -> None:
    shell, option, line = database["entrypoint"]
    image = tmp_path / "docker-entrypoint.sh"
    image.write_text('#!/bin/sh\necho "image: $@"\n')
    image.chmod(0o755)
    script = database["environment"]["CREATE_ROLE"]
    command = [
        shell,
        option,
        line.replace("$$", "$").replace(SCRIPT, str(tmp_path / "console.sql")),
    ]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CREATE_ROLE": script}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "image: postgres\n"
    assert (tmp_path / "console.sql").read_text() == script
    assert "$" not in script  # Compose would replace it
