"""A key for backups, backups, and databases to restore them into."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.console.backup.databases import postgres, sqlite, using
from tests.console.cli.conftest import Ended
from tests.fixtures.people import World
from tests.secrets_app.writes.conftest import interrupted as interrupted
from tests.secrets_app.writes.desk import Desk

KEY = "AGE-SECRET-KEY-1WMYKSCYWZ7SF0205W9FR8PR08CP20K9GGEVG8XP5U85WW9KU4UPQJ39QR4"
OTHER_KEY = "AGE-SECRET-KEY-1E5MTX4DRVX94YK0UNCFNSE33AV4TYQKJPLPWNLYVCSZKTJMAYRFQDXAK4N"


@pytest.fixture(autouse=True)
def backup_key(settings: Any) -> str:
    """Set a BACKUP_KEY."""
    settings.BACKUP_KEYS = [KEY]
    return KEY


@pytest.fixture
def desk(world: World) -> Desk:
    """Return a world with a few secrets in the embedded store."""
    desk = Desk(world)
    desk.world.actor("alice")
    desk.put("API_KEY", "first value")
    desk.save("alice", desk.change(desk.row("API_KEY"), "second value"))
    desk.put("TOKEN", "a token", world.main)
    return desk


@pytest.fixture
def manage() -> Callable[..., Ended]:
    """Return a function that runs a management command within this process."""

    def manage(*words: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(*words, stdout=out, stderr=err)
        except CommandError as error:
            return Ended(error.returncode, out.getvalue(), f"{err.getvalue()}{error}\n")
        return Ended(0, out.getvalue(), err.getvalue())

    return manage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a backup goes."""
    return tmp_path / "console.backup"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Return a function that moves to another, new database of the same kind, and back."""
    if connection.vendor == "sqlite":
        yield lambda: using(sqlite(tmp_path / "elsewhere.sqlite3"))
    else:
        with postgres("elsewhere") as place:
            yield lambda: using(place)
