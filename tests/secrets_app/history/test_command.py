"""`manage.py secret versions`: the versions of the secret that a branch gets."""

import json
from collections.abc import Callable

from tests.factories import set_secret
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

Manage = Callable[..., CommandResult]
ARGUMENTS = ("secret", "versions", "API_KEY", "--app", "d1shop", "--branch", "main")


def test_it_works(world: World, manage: Manage) -> None:
    set_secret(world, "API_KEY", "the first value", world.main)
    set_secret(world, "API_KEY", "the second value", world.main, by="mia")
    done = manage(*ARGUMENTS, "--as", "alice@example.org")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["VERSION", "2", "1"]
    assert "mia@example.org" in done.out
    assert "value" not in done.out.replace("changed the value", "")


def test_json(world: World, manage: Manage) -> None:
    set_secret(world, "API_KEY", "one", world.main)
    done = manage(*ARGUMENTS, "--as", "alice@example.org", "--format", "json")
    [row] = json.loads(done.out)
    assert (row["version"], row["by"], row["how"]) == (1, "alice@example.org", "added it")
    assert (row["labels"], row["known_to"]) == ([], [])


def test_inherited(world: World, manage: Manage) -> None:
    set_secret(world, "API_KEY", "one")
    assert manage(*ARGUMENTS, "--as", "alice@example.org").code == 0


def test_no_secret(world: World, manage: Manage) -> None:
    world.person("alice")
    assert manage(*ARGUMENTS, "--as", "alice@example.org").code == 4


def test_the_store_denies_it(world: World, manage: Manage, interrupted: InterruptedStore) -> None:
    set_secret(world, "API_KEY", "one", world.main)
    interrupted.before("versions", deny_access)
    done = manage(*ARGUMENTS, "--as", "alice@example.org")
    assert (done.code, "denied access" in done.err) == (5, True)
