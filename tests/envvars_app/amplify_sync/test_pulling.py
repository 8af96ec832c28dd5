"""Pull variables from Amplify: the first time they are added, later changes are drift."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.access.policy import find_app
from envvars_app.amplify_sync.pulling import take_in
from envvars_app.models import SyncedScope, Variable, VariableVersion
from tests.envvars_app.amplify_sync.memory import MemoryAmplify, Stored
from tests.envvars_app.amplify_sync.steps import events, pull, push_now, states
from tests.factories import set_variable, variable_row, variable_values
from tests.fixtures.people import World

pytestmark = pytest.mark.exhaustive_on_postgres


def test_it_works(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"API_URL": "shared"}
    remote.kept["dev"].variables = {"API_URL": "own", "DEBUG": ""}
    pull(world, remote)
    assert variable_values(world) == {
        ("", "API_URL"): "shared",
        ("dev", "API_URL"): "own",
        ("dev", "DEBUG"): "",
    }
    assert events("found") == [
        ("Someone outside Branchkeep", "found.variables", "1 variable", "succeeded"),
        ("Someone outside Branchkeep", "found.variables", "2 variables", "succeeded"),
    ]
    assert [row.note for row in VariableVersion.objects.all()] == ["read from Amplify"] * 3


def test_again(world: World, remote: MemoryAmplify, django_assert_max_num_queries: Any) -> None:
    remote.own.variables = {f"KEY_{n}": "x" for n in range(50)}
    pull(world, remote)
    access = find_app(world.actor("alice"), world.app.app_id)
    with django_assert_max_num_queries(6):
        take_in(access, remote.snapshot(timezone.now()))
    assert Variable.objects.count() == 50


def test_changes_in_amplify_are_drift(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"CHANGED": "1", "REMOVED": "1", "SAME": "1"}
    pull(world, remote)
    remote.own.variables = {"CHANGED": "2", "ADDED": "2", "SAME": "1"}
    pull(world, remote)
    pull(world, remote)
    assert states(world) == {"CHANGED": "drift", "REMOVED": "drift", "ADDED": "drift"}
    assert variable_values(world)["", "CHANGED"] == "1"
    found = events("found.variable")[1:]
    assert sorted(subject for _, _, subject, _ in found) == ["ADDED", "CHANGED", "REMOVED"]
    push_now(world, remote)
    assert "set_app_variables" not in remote.calls


def test_changed_back(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"A": "1"}
    pull(world, remote)
    remote.own.variables = {"A": "2"}
    pull(world, remote)
    remote.own.variables = {"A": "1"}
    pull(world, remote)
    assert states(world) == {}


def test_variables_from_before_the_connection(world: World, remote: MemoryAmplify) -> None:
    Variable.objects.bulk_create(
        Variable(app=world.app, key=key, value="ours", changed_at=timezone.now(), changed_by="x")
        for key in ("HERE", "BOTH", "DIFFERENT")
    )
    remote.own.variables = {"BOTH": "ours", "DIFFERENT": "theirs"}
    pull(world, remote)
    assert states(world) == {"HERE": "drift", "DIFFERENT": "drift"}
    assert variable_values(world)["", "DIFFERENT"] == "ours"
    push_now(world, remote)
    assert remote.own.variables == {"BOTH": "ours", "DIFFERENT": "theirs"}


def test_saved_before_the_first_read(world: World, remote: MemoryAmplify) -> None:
    set_variable(world, "NEW", "ours")
    set_variable(world, "BOTH", "ours")
    remote.own.variables = {"BOTH": "theirs"}
    push_now(world, remote)
    assert remote.own.variables == {"BOTH": "theirs", "NEW": "ours"}
    assert states(world) == {"BOTH": "conflict"}


def test_an_old_snapshot_changes_nothing(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    old = remote.snapshot(timezone.now() - timedelta(seconds=5))
    set_variable(world, "A", "ours")
    push_now(world, remote)
    take_in(find_app(world.actor("alice"), world.app.app_id), old)
    assert states(world) == {}
    assert variable_row(world, "A").value == "ours"


def test_a_branch_that_is_not_here(world: World, remote: MemoryAmplify) -> None:
    remote.kept["unknown"] = Stored({"A": "1"})
    pull(world, remote)
    assert variable_values(world) == {}


def test_a_deleted_branch(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "A", "1", world.dev)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    pull(world, remote)
    assert push_now(world, remote).done == 0
    assert remote.calls == []


def test_variables_of_branches_that_amplify_creates(world: World, remote: MemoryAmplify) -> None:
    remote.auto_branch = {"PREVIEW": "1"}
    pull(world, remote)
    assert SyncedScope.objects.get(branch=None).auto_branch == {"PREVIEW": "1"}
