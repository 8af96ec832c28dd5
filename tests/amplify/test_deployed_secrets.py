"""Amplify's own client, @aws-amplify/backend-secret, and Branchkeep share the secrets of an app.

A deployment runs a function of @aws-amplify/backend, which asks this client for the branch's
secret, otherwise for that of All branches (guarantee 33).
"""

from typing import Any

import pytest

from console.models import Branch
from secrets_app.drift.plan import Change
from tests.amplify.packages import Refused, SecretClient
from tests.factories import (
    create_branch,
    create_standalone,
    delete_secret,
    reconcile_now,
    secret_row,
    secret_versions,
    set_role,
    set_secret,
    stored_values,
)
from tests.factories.drift import drifts, put_back
from tests.fixtures.people import World

pytestmark = pytest.mark.usefixtures("console_on_ssm")

BRANCHES = ("feature/login", "feature-login", "日本語/ブランチ", "release #2", "x" * 200)
ODD_VALUES = ("a\r\n\n", " \t", "\ufeff\u2028\u202e", "\x00\x1b[31m", "日本🗝" * 400, '{"a": "\\"}')


def backend(branch: Branch) -> dict[str, str]:
    """Return Amplify's identifier of a branch's backend."""
    kind = "standalone" if branch.app.is_standalone else "branch"
    return {"namespace": branch.app.app_id, "name": branch.name, "type": kind}


def value(client: SecretClient, identifier: Any, name: str, **version: int) -> str:
    """Return the value of a parameter."""
    return str(client("getSecret", identifier, {"name": name, **version})["value"])


def deployed(client: SecretClient, branch: Branch, *names: str) -> dict[str, str]:
    """Return what a deployment of the branch's backend gets, or raise Refused."""
    return dict(client("deploy", backend(branch), names))


def listed(client: SecretClient, identifier: Any) -> dict[str, int]:
    """Return the names and versions of the client's list."""
    return {found["name"]: found["version"] for found in client("listSecrets", identifier)}


def test_it_works(world: World, client: SecretClient) -> None:
    branches = [world.main, *(create_branch(world, name) for name in BRANCHES)]
    set_secret(world, "foo", "for all")
    for branch in branches:
        set_secret(world, "foo", f"for {branch.name}", branch)
    set_secret(world, "bar", "for all")
    for branch in branches:
        found = {"foo": f"for {branch.name}", "bar": "for all"}
        assert deployed(client, branch, "foo", "bar") == found
        assert listed(client, backend(branch)) == {"foo": 1}
    assert deployed(client, world.dev, "foo") == {"foo": "for all"}
    assert listed(client, backend(world.dev)) == {}
    assert listed(client, world.app.app_id) == {"foo": 1, "bar": 1}


def test_a_standalone_backend(world: World, client: SecretClient) -> None:
    world.app = create_standalone(world, "my-app")
    branch = world.app.branches.get()
    set_secret(world, "foo", "for all")
    set_secret(world, "foo", "own", branch)
    set_secret(world, "bar", "for all")
    assert deployed(client, branch, "foo", "bar") == {"foo": "own", "bar": "for all"}
    assert listed(client, backend(branch)) == {"foo": 1}
    client("setSecret", backend(branch), "theirs", "set by the client")
    set_role(world, "vera", "viewer")
    reconcile_now(world)
    assert secret_versions(world)["backend", "theirs"] == 1


def test_many_secrets(world: World, client: SecretClient) -> None:
    keys = [f"KEY_{number}" for number in range(23)]  # ten are a page of the client's list
    for key in keys:
        set_secret(world, key)
    assert listed(client, world.app.app_id) == dict.fromkeys(keys, 1)


def test_changed_and_removed(world: World, client: SecretClient) -> None:
    set_secret(world, "foo", "for all")
    set_secret(world, "foo", "first", world.main)
    set_secret(world, "foo", "second", world.main)
    assert deployed(client, world.main, "foo") == {"foo": "second"}
    assert value(client, backend(world.main), "foo", version=1) == "first"
    assert listed(client, backend(world.main)) == {"foo": 2}
    delete_secret(world, "foo", world.main)
    assert deployed(client, world.main, "foo") == {"foo": "for all"}
    assert listed(client, backend(world.main)) == {}
    delete_secret(world, "foo")
    with pytest.raises(Refused, match="Failed to retrieve backend secret 'foo'"):
        deployed(client, world.main, "foo")


def test_odd_values(world: World, client: SecretClient) -> None:
    for number, text in enumerate(ODD_VALUES):
        set_secret(world, f"OURS_{number}", text, world.dev)
        assert value(client, backend(world.dev), f"OURS_{number}") == text
        client("setSecret", backend(world.dev), f"THEIRS_{number}", text)
        assert stored_values(world, f"THEIRS_{number}", world.dev)[0] == text


def test_set_by_the_client(world: World, client: SecretClient) -> None:
    branch = create_branch(world, "日本語/ブランチ")
    set_secret(world, "foo", "ours", branch)
    reconcile_now(world)
    assert client("setSecret", backend(branch), "foo", "theirs")["version"] == 2
    client("setSecret", backend(branch), "bar", "theirs")
    client("setSecret", world.app.app_id, "foo", "theirs")
    reconcile_now(world)
    assert secret_versions(world) == {
        (branch.name, "foo"): 2,
        (branch.name, "bar"): 1,
        ("", "foo"): 1,
    }
    changes = {(it.scope, it.secret.key): it.change for it in drifts(world)}
    assert changes == {
        (branch.name, "foo"): Change.CHANGED,
        (branch.name, "bar"): Change.ADDED,
        ("All branches", "foo"): Change.ADDED,
    }
    [changed] = [it for it in drifts(world) if it.change == Change.CHANGED]
    put_back(world, changed)
    assert value(client, backend(branch), "foo") == "ours"


def test_removed_by_the_client(world: World, client: SecretClient) -> None:
    for key in ("foo", "bar", "kept"):
        set_secret(world, key, "ours", world.main)
    reconcile_now(world)
    client("removeSecret", backend(world.main), "foo")
    client("removeSecrets", backend(world.main), ["bar"])
    reconcile_now(world)
    assert {it.secret.key: it.change for it in drifts(world)} == {
        "foo": Change.REMOVED,
        "bar": Change.REMOVED,
    }
    assert secret_row(world, "foo", world.main).version == 0
    for found in drifts(world):
        put_back(world, found)
    assert listed(client, backend(world.main)) == {"foo": 1, "bar": 1, "kept": 1}
    assert deployed(client, world.main, "foo") == {"foo": "ours"}
