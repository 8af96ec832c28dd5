"""Databases as a released version left them, as SQL in releases/.

Run `python -m tests.console.upgrade.release VERSION` once, at the release's commit. It writes the
same rows to SQLite and PostgreSQL through the services, and dumps both.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.fixtures import postgres
from tests.fixtures.machine import KEYS

RELEASES = Path(__file__).parent / "releases"
FIRST, SECOND = "first value", "second value\n with a line break é"


def fill() -> None:
    """Write the sample rows to the empty database of the environment."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    from django.test import Client

    from console.audit import chain
    from console.members.invitations import invite
    from tests import factories
    from tests.fixtures.people import PASSWORD, PEOPLE, World

    world = World()
    for name in (*PEOPLE, "gina"):
        world.person(name)
    factories.set_role(world, "bob", "developer", "dev", "feature/*")
    row = factories.set_secret(world, "API_KEY", FIRST)
    factories.save_secrets(world, factories.set_command(row, SECOND))
    factories.set_secret(world, "TOKEN", FIRST, world.main)
    factories.set_secret(world, "GONE", FIRST, world.dev)
    factories.delete_secret(world, "GONE", world.dev)
    variable = factories.set_variable(world, "COLOR", "blue")
    factories.change_variable(world, variable, "#b0b")
    factories.set_variable(world, "COLOR", "green", world.dev)
    factories.remove_variable(world, factories.set_variable(world, "GONE", "value"))
    factories.reconcile_now(world)
    invite(
        actor=world.actor("alice"),
        app_id="d1shop",
        email="new@example.org",
        role="viewer",
        patterns=[],
        link_to=str,
    )
    call_command("sample_app", owner="olga@example.org", verbosity=0)
    client = Client(headers={"host": "localhost"})
    fields = {"login": "alice@example.org", "password": PASSWORD}
    assert client.post("/accounts/login/", fields).status_code == 302
    chain.append_links(all_rows=True)


def dump(version: str) -> None:
    """Fill a database of each kind, and write its dump."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "console.sqlite3")
        fill_database(f"sqlite:///{file}")
        with closing(sqlite3.connect(file)) as database:
            (RELEASES / f"{version}.sqlite.sql").write_text("\n".join(database.iterdump()) + "\n")
    with postgres.running() as url:
        fill_database(url)
        host, _, name = url.partition("@/")[2].rpartition("/")
        tool = postgres.PACKAGE / "pginstall18/bin/pg_dump"
        options = [
            "--inserts",
            "--no-owner",
            "--no-privileges",
            f"--host={host}",
            "--username=console",
        ]
        dumped = subprocess.run([tool, *options, name], check=True, capture_output=True, text=True)
        (RELEASES / f"{version}.postgresql.sql").write_text(dumped.stdout)


def fill_database(url: str) -> None:
    """Fill an empty database, in a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": url,
        "LOG_LEVEL": "ERROR",
        "STATIC_ROOT": str(RELEASES),
        **KEYS,
    }
    command = [sys.executable, "-c", "from tests.console.upgrade.release import fill; fill()"]
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    dump(sys.argv[1])
