"""A variable that turned out to be a secret: moved, its value is nowhere but in the store."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.urls import reverse

from envvars_app.models import Variable
from secrets_app.models import Secret
from tests.factories import change_variable, set_variable
from tests.fixtures.people import World
from tests.leaks.crawl import crawl, urls
from tests.leaks.harness import Trap, Visitor

pytestmark = pytest.mark.both_databases


@pytest.fixture
def moved(trap: Trap, visitor: Callable[[str], Visitor], world: World) -> Variable:
    """Let alice see her mistake, and move the variable with two versions of it."""
    shapes = trap.canary.shapes("as a variable")
    row = set_variable(world, "STRIPE_KEY", shapes["plain"], world.main)
    change_variable(world, row, shapes["lines"])
    _forget_the_past(trap)
    url = reverse("variable_move", args=[world.app.app_id, row.pk])
    assert visitor("alice").post(url, {"base": "2"}).status_code == 302
    return row


def _forget_the_past(trap: Trap) -> None:
    """What was logged while it still was a variable, before anybody moved it, is no leak."""
    trap.log.truncate(0)
    trap.log.seek(0)


def _empty_the_journal() -> None:
    """SQLite copies its write-ahead log into the database now and then; do it now."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_it_works(
    trap: Trap, moved: Variable, visitor: Callable[[str], Visitor], world: World
) -> None:
    samples = {"app_id": [world.app.app_id], "pk": [moved.pk, Secret.objects.get().pk]}
    names = {"id", "object_id", "content_type_id", "app_label", "url", "token", "key", "uidb36"}
    every_url = urls({**samples, **{name: ["1"] for name in names}})
    for person in ("alice", "vera", "olga"):
        with trap.at_ease():
            crawl(visitor(person), every_url, on=person == "alice")
    _empty_the_journal()
    assert trap.leaks() == []


def test_it_can_not_be_restored(
    trap: Trap, moved: Variable, visitor: Callable[[str], Visitor], world: World
) -> None:
    url = reverse("variable_restore", args=[world.app.app_id, moved.pk])
    for version in ("1", "2", "3"):
        assert visitor("alice").post(url, {"version": version, "base": "3"}).status_code == 422
    assert not world.app.variables.filter(removed_at=None).exists()
    _empty_the_journal()
    assert trap.leaks() == []
