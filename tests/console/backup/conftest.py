"""A backup key, the file of a backup, and another database to restore it into."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.console.backup.databases import postgres, sqlite, using
from tests.factories import save_secrets, set_command, set_secret
from tests.fixtures.people import World

KEY = "AGE-SECRET-KEY-1WMYKSCYWZ7SF0205W9FR8PR08CP20K9GGEVG8XP5U85WW9KU4UPQJ39QR4"
OTHER_KEY = "AGE-SECRET-KEY-1E5MTX4DRVX94YK0UNCFNSE33AV4TYQKJPLPWNLYVCSZKTJMAYRFQDXAK4N"


@pytest.fixture(autouse=True)
def backup_key(settings: Any) -> str:
    """Set a BACKUP_KEY."""
    settings.BACKUP_KEYS = [KEY]
    return KEY


@pytest.fixture
def world(world: World) -> World:
    """Return a world with two secrets, one of which has been changed."""
    world.person("alice")
    row = set_secret(world, "API_KEY", "first value")
    save_secrets(world, set_command(row, "second value"))
    set_secret(world, "TOKEN", "a token", world.main)
    return world


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path for a backup."""
    return tmp_path / "console.backup"


@pytest.fixture
def other_database(tmp_path: Path) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Return a context manager that uses a new, empty database of the same kind."""
    if connection.vendor == "sqlite":
        yield lambda: using(sqlite(tmp_path / "other_database.sqlite3"))
    else:
        with postgres("other_database") as database:
            yield lambda: using(database)
