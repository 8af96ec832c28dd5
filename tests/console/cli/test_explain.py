"""`manage.py explain`: which value of a key a branch gets, and why."""

import json
from collections.abc import Callable

from console.models import AuditEvent
from tests.factories import reconcile_now, set_secret, set_variable
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop", "--as", "vera@example.org")
VALUE = "the value itself"


def test_it_works(manage: Manage, world: World) -> None:
    world.person("vera")
    set_secret(world, "API_KEY", VALUE)
    set_secret(world, "API_KEY", VALUE, world.main, by="mia")
    set_variable(world, "API_KEY", VALUE)
    reconcile_now(world)
    events = AuditEvent.objects.count()
    found = manage("explain", "API_KEY", *APP, "--branch", "main")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0] == "secret API_KEY: main has its own value, version 1."
    assert lines[1].startswith("Since 20")
    assert lines[1].endswith("Z: mia@example.org saved it.")
    assert "  1. main: used" in lines
    assert "     /amplify/d1shop/main-branch-12c75d3ae4/API_KEY" in lines
    assert "  2. All branches: not used" in lines
    assert "     /amplify/d1shop/main/API_KEY" in lines
    assert "variable API_KEY: main inherits the value for All branches, version 1." in lines
    assert VALUE not in found.out
    assert AuditEvent.objects.count() == events


def test_json(manage: Manage, world: World) -> None:
    world.person("vera")
    set_secret(world, "API_KEY", VALUE)
    found = manage("explain", "API_KEY", *APP, "--branch", "dev", "--json")
    assert found.out == manage("explain", "API_KEY", *APP, "--branch", "dev", "--format=json").out
    [secret] = json.loads(found.out)
    assert (secret["kind"], secret["branch"], secret["set_on"]) == ("secret", "dev", [None])
    assert secret["verdict"] == "dev inherits the value for All branches, version 1."
    assert (secret["used"]["scope"], secret["used"]["version"]) == ("All branches", 1)
    assert secret["used"]["changed_by"] == "alice@example.org"
    backend, build, _ = secret["readers"]
    assert [place["use"] for place in backend["places"]] == ["no value", "used"]
    assert [place["path"] for place in build["places"]] == ["/amplify/d1shop/dev/API_KEY"]
    assert (secret["deployments"], secret["checked_at"]) == ([], None)


def test_all_branches(manage: Manage, world: World) -> None:
    world.person("vera")
    set_variable(world, "API_URL")
    found = manage("explain", "API_URL", *APP)
    assert found.out.startswith("variable API_URL: All branches has a value, version 1.\n")


def test_unknown_key(manage: Manage, world: World) -> None:
    world.person("vera")
    message = "There is no secret and no variable with this name in the app.\n"
    assert manage("explain", "a value\x1b", *APP) == CommandResult(4, "", message)


def test_outsider(manage: Manage, world: World) -> None:
    world.person("charlie")
    set_secret(world, "API_KEY", VALUE)
    found = manage("explain", "API_KEY", "--app", "d1shop", "--as", "charlie@example.org")
    assert found.code == 4
    assert "not a member" in found.err
