"""A value that was erased is in none of SQLite's files: rows, free pages, write-ahead log."""

import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.core.signals import request_finished
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.test import Client

from console.db.erasure import erase_deleted
from envvars_app.models import Variable
from envvars_app.secrets_bridge import move_to_secrets
from envvars_app.variables.history import erase_history
from tests.factories import change_variable, remove_variable, set_variable
from tests.fixtures.people import World

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="needs SQLite"),
]


def files_with(text: str) -> set[str]:
    """Return which of the database's files contain a text, by the end of their names."""
    path = Path(str(connection.settings_dict["NAME"]))
    files = path.parent.glob(f"{path.name}*")
    return {
        file.name.removeprefix(path.name) for file in files if text.encode() in file.read_bytes()
    }


def new_value(size: int = 30) -> str:
    """Return a value that is nowhere else."""
    return f"{uuid.uuid4().hex * (size // 32 + 1)}"


def move(world: World, row: Variable) -> None:
    """Move a variable to the secrets."""
    row.refresh_from_db()
    moved = move_to_secrets(
        actor=world.actor("alice"), app_id=world.app.app_id, pk=row.pk, base=row.version
    )
    assert moved.outcome == "saved"


@contextmanager
def reader() -> Iterator[None]:
    """Read the database in another connection, as a backup does, until the block ends."""
    with closing(
        sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)
    ) as it:
        it.execute("BEGIN")
        it.execute("SELECT count(*) FROM envvars_app_variable").fetchone()
        yield
        it.execute("ROLLBACK")


@pytest.mark.parametrize("size", [30, 3_000])
def test_it_works(world: World, size: int) -> None:
    first, second = new_value(size), new_value(size)
    row = set_variable(world, "STRIPE_KEY", first, world.main)
    change_variable(world, row, second)
    assert files_with(second[:32])
    move(world, row)
    assert files_with(first[:32]) == files_with(second[:32]) == set()


def test_history_of_a_removed_variable(world: World) -> None:
    value = new_value()
    row = set_variable(world, "TOKEN", value)
    remove_variable(world, row)
    assert files_with(value)  # it can be restored
    erase_history(actor=world.actor("alice"), app_id=world.app.app_id, pk=row.pk)
    assert files_with(value) == set()


def test_one_of_many(world: World) -> None:
    """Its pages were split and merged while the others were added and removed."""
    others = [set_variable(world, f"A{number}", new_value(200)) for number in range(30)]
    value = new_value(500)
    row = set_variable(world, "B", value)
    for number in range(5):
        change_variable(world, row, value + "x" * number * 100)
        row.refresh_from_db()
    others += [set_variable(world, f"C{number}", new_value(900)) for number in range(30)]
    for other in others[::2]:
        other.delete()
    move(world, row)
    assert files_with(value[:32]) == set()


@pytest.fixture
def scratch(db: None) -> Iterator[CursorWrapper]:
    """Return a cursor of a database with a table for a test, and drop it afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch (id integer PRIMARY KEY, value text)")
        yield cursor
        cursor.execute("DROP TABLE scratch")


def test_copies_in_unused_space(scratch: CursorWrapper) -> None:
    """With this seed, SQLite 3.40 leaves a copy when it reorganizes a page."""
    kept: dict[int, str] = {}
    erased: list[str] = []
    choices = random.Random(3)  # noqa: S311 - no secret
    for step in range(100):
        value = f"scratch-{step:05d}-" * choices.choice((1, 3, 20, 60))
        act = choices.random()
        if not kept or act >= 0.5:
            scratch.execute("INSERT INTO scratch (value) VALUES (%s)", [value])
            kept[scratch.lastrowid] = value
            continue
        row = choices.choice(list(kept))
        erased.append(kept.pop(row))
        kept |= {row: value} if act >= 0.25 else {}
        scratch.execute("UPDATE scratch SET value = %s WHERE id = %s", [kept.get(row, ""), row])
    erase_deleted()
    assert not any(files_with(value[:14]) for value in erased)
    assert all(files_with(value[:14]) == {""} for value in kept.values())


def test_reader_delays_it(world: World) -> None:
    value = new_value()
    row = set_variable(world, "STRIPE_KEY", value)
    with reader():
        move(world, row)
        assert "-wal" in files_with(value)
    request_finished.send(sender=None)
    assert files_with(value) == set()


def test_reader_during_the_next_request_too(world: World, client: Client) -> None:
    value = new_value()
    row = set_variable(world, "STRIPE_KEY", value)
    with reader():
        move(world, row)
        client.get("/accounts/login/")
        assert files_with(value)
    client.get("/accounts/login/")
    assert files_with(value) == set()


def pragma(name: str) -> int:
    """Return the value of one of the connection's pragmas."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return int(cursor.fetchone()[0])


def test_patience_is_for_the_checkpoint_only(db: None) -> None:
    before = pragma("busy_timeout")
    erase_deleted()
    assert (pragma("busy_timeout"), pragma("secure_delete")) == (before, 1)
