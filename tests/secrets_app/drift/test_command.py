"""`manage.py drift`: what changed outside Branchkeep, and deciding about it."""

import json
from collections.abc import Callable

from tests.factories import stored_values
from tests.factories.drift import KEY, change_outside, drifts, ours
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop", "--as", "mia@example.org")
MAIN = (*APP, "--branch", "main")


def test_it_works(world: World, manage: Manage) -> None:
    world.person("mia")
    ours(world, world.main, "the first value")
    change_outside(world, world.main, "their value")
    change_outside(world, None, "their value")
    done = manage("drift", "list", *APP)
    heading, added, changed = (line.split() for line in done.out.splitlines())
    assert heading[:6] == ["KEY", "BRANCH", "CHANGE", "BEFORE", "NOW", "CHANGED"]
    assert added[:5] == [KEY, "All", "branches", "added", "1"]
    assert (changed[:5], changed[-1]) == ([KEY, "main", "changed", "1", "2"], "version")
    assert "value" not in done.out
    done = manage("drift", "put-back", KEY, *MAIN)
    assert (done.code, done.out) == (0, f"{KEY} was put back.\n")
    assert stored_values(world, KEY, world.main)[0] == "the first value"
    assert manage("drift", "take", KEY, *APP).out == f"The change of {KEY} is accepted.\n"
    assert manage("drift", "list", *APP).out == "Nothing to decide.\n"
    assert (manage("drift", "take", KEY, *MAIN).code, drifts(world)) == (4, [])


def test_json(world: World, manage: Manage) -> None:
    world.person("mia")
    ours(world, world.main, "one")
    change_outside(world, world.main)
    arguments = (*MAIN, "--format", "json")
    [row] = json.loads(manage("drift", "list", *arguments).out)
    assert (row["change"], row["version_before"], row["version"]) == ("changed", 1, 2)
    assert (row["put_back"], row["reason"], row["may_decide"]) == ("version", None, True)
    done = json.loads(manage("drift", "ignore", KEY, *arguments).out)
    assert (done["key"], done["branch"], done["outcome"]) == (KEY, "main", "saved")
    assert json.loads(manage("drift", "list", *arguments).out) == []
    assert len(json.loads(manage("drift", "list", "--ignored", *arguments).out)) == 1


def test_refused(world: World, manage: Manage, interrupted: InterruptedStore) -> None:
    world.person("mia")
    world.person("bob")
    ours(world, world.main, "one")
    change_outside(world, world.main)
    done = manage("drift", "take", KEY, *MAIN, "--if-version", "1")
    assert (done.code, "Version 2 is current" in done.err) == (3, True)
    bob = ("--as", "bob@example.org", "--app", "d1shop", "--branch", "main")
    assert manage("drift", "put-back", KEY, *bob).code == 4  # main is protected
    interrupted.before("read_version", deny_access)
    assert manage("drift", "put-back", KEY, *MAIN).code == 5
    assert stored_values(world, KEY, world.main)[0] == "theirs"
