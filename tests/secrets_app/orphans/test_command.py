"""`manage.py orphans`: list what no branch uses, and move it to the recycle bin."""

import json
from collections.abc import Callable

from secrets_app.locations import scope_folders
from secrets_app.models import BinEntry
from secrets_app.store import parameter_store
from tests.factories import reconcile_now, write_outside
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World
from tests.secrets_app.orphans.test_orphans import found, leave_some

Manage = Callable[..., CommandResult]
AS = ("--app", "d1shop", "--as", "alice@example.org")
OLD = "/amplify/d1shop/old"


def test_it_works(world: World, manage: Manage) -> None:
    world.person("alice")
    leave_some(world)
    listed = manage("orphans", *AS)
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == [
        *("KIND", "deleted", "deleted", "branch", "branch")
    ]
    assert "three" not in listed.out
    tried = manage("orphans", *AS, "--remove", "--dry-run")
    assert tried.out.count(": moves to the recycle bin.") == 4
    assert sum(len(group.orphans) for group in found(world)) == 4
    done = manage("orphans", *AS, "--remove", "--yes")
    assert (done.code, done.out.count(": moved")) == (0, 4)
    assert found(world) == []
    assert len({*BinEntry.objects.values_list("change_set", flat=True)}) == 1
    assert manage("orphans", *AS).out == "No orphans.\n"


def test_json_and_choice(world: World, manage: Manage) -> None:
    world.person("alice")
    leave_some(world)
    listed = manage("orphans", *AS, "--format", "json", "--folder", f"{OLD}/")
    assert [row["path"] for row in json.loads(listed.out)] == [f"{OLD}/FOUR", f"{OLD}/THREE"]
    manage("orphans", *AS, "--remove", "--yes", "--branch", "old")
    assert [group.branch for group in found(world)] == ["dev"]


def test_asks_first(world: World, manage: Manage) -> None:
    world.person("alice")
    leave_some(world)
    assert manage("orphans", *AS, "--remove").code == 2
    assert len(found(world)) == 2


def test_what_stays(world: World, manage: Manage) -> None:
    """A sandbox's parameters are listed and never moved."""
    world.person("alice")
    path = "/amplify/d1shop/x-sandbox-0123456789/A"
    write_outside(path)
    reconcile_now(world)
    done = manage("orphans", *AS, "--remove", "--yes")
    assert done.code == 1
    assert "never removes parameters of this kind" in done.out
    assert parameter_store().current([path])


def test_denied(world: World, manage: Manage) -> None:
    world.person("vera")
    leave_some(world)
    as_vera = ("--app", "d1shop", "--as", "vera@example.org")
    assert manage("orphans", *as_vera).code == 0
    assert manage("orphans", *as_vera, "--remove", "--yes").code == 1
    assert len(found(world)) == 2


def test_all_apps(world: World, manage: Manage) -> None:
    """Operators see folders and numbers, and no name of a key."""
    world.person("olga")
    leave_some(world)
    listed = manage("orphans", "--as", "olga@example.org")
    rows = [line.split()[:5] for line in listed.out.splitlines()[1:]]
    assert rows == [
        [
            "d1shop",
            "deleted",
            "dev",
            scope_folders(world.app, [world.dev])[world.dev.pk, False],
            "2",
        ],
        ["d1shop", "branch", "old", OLD, "2"],
    ]
    assert manage("orphans", "--as", "olga@example.org", "--remove").code == 2
    world.person("alice")
    assert manage("orphans", "--as", "alice@example.org").code == 4
