"""Push variables on save: guarantees 42, 49 and 50."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.amplify.errors import OutcomeUnknown, Rejected, Throttled, Unreachable
from console.amplify.pushes import LONGEST_CALL, PATIENCE
from console.models import Member
from envvars_app.amplify_sync import pushing
from envvars_app.amplify_sync.pushing import push
from envvars_app.models import MapVersion, SyncedScope
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.envvars_app.amplify_sync.steps import end_leases, events, pull, push_now, states
from tests.factories import (
    change_variable,
    new_variable,
    remove_variable,
    save_variables,
    set_variable,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases
SET = "set_app_variables"


def test_it_works(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"THEIRS": "stays"}
    pull(world, remote)
    set_variable(world, "API_URL", "https://example.org", by="alice")
    assert states(world) == {"API_URL": "pending"}
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.waiting, pushed.left, pushed.problem) == (1, 0, 0, "")
    assert remote.own.variables == {"THEIRS": "stays", "API_URL": "https://example.org"}
    assert states(world) == {}
    assert remote.calls == ["app", SET, "app"]
    assert events("amplify") == [("alice", "amplify.variable", "API_URL", "succeeded")]


def test_an_app_that_is_not_connected(world: World) -> None:
    set_variable(world, "API_URL")
    assert states(world) == {}


def test_each_scope_has_its_own_map(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "shared")
    set_variable(world, "API_URL", "own", world.dev)
    assert push_now(world, remote).done == 2
    assert remote.own.variables == {"API_URL": "shared"}
    assert remote.kept["dev"].variables == {"API_URL": "own"}
    assert remote.kept["main"].variables == {}


def test_two_hundred_variables_take_three_calls(
    world: World, remote: MemoryAmplify, django_assert_max_num_queries: Any
) -> None:
    pull(world, remote)
    save_variables(world, *[new_variable(f"KEY_{n}") for n in range(200)])
    with django_assert_max_num_queries(44):
        assert push_now(world, remote).done == 200
    assert len(remote.calls) == 3
    assert len(remote.own.variables) == 200


def test_a_rename_is_one_write(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"OLD": "value"}
    pull(world, remote)
    change_variable(world, variable_row(world, "OLD"), "value", key="NEW")
    push_now(world, remote)
    assert remote.own.variables == {"NEW": "value"}
    assert remote.calls.count(SET) == 1


def test_the_last_variable_is_removed(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"LAST": "value"}
    pull(world, remote)
    remove_variable(world, variable_row(world, "LAST"))
    push_now(world, remote)
    assert remote.own.variables == {}
    assert states(world) == {}


def test_the_same_key_was_changed_in_amplify(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"API_URL": "first", "OTHER": "first"}
    pull(world, remote)
    change_variable(world, variable_row(world, "API_URL"), "ours")
    change_variable(world, variable_row(world, "OTHER"), "ours")
    remote.own.variables["API_URL"] = "theirs"
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.left) == (1, 1)
    assert remote.own.variables == {"API_URL": "theirs", "OTHER": "ours"}
    assert states(world) == {"API_URL": "conflict"}
    assert events("found.variable", "amplify")[-1] == (
        "alice",
        "amplify.variable",
        "OTHER",
        "succeeded",
    )


def test_another_key_was_changed_in_amplify(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"API_URL": "first", "OTHER": "first", "GONE": "first"}
    pull(world, remote)
    change_variable(world, variable_row(world, "API_URL"), "ours")
    remote.own.variables = {"API_URL": "first", "OTHER": "theirs", "NEW": "theirs"}
    push_now(world, remote)
    assert remote.own.variables == {"API_URL": "ours", "OTHER": "theirs", "NEW": "theirs"}
    assert states(world) == {"OTHER": "drift", "NEW": "drift", "GONE": "drift"}
    assert variable_values(world)["", "OTHER"] == "first"


def test_both_made_the_same_change(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "same")
    remote.own.variables = {"API_URL": "same"}
    assert push_now(world, remote).left == 0
    assert remote.calls == ["app"]
    assert states(world) == {}


def test_the_answer_is_lost_but_the_write_happened(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    remote.lost = [None, OutcomeUnknown()]
    assert push_now(world, remote).done == 1
    assert remote.calls == ["app", SET, "app"]
    assert events("amplify") == [("alice", "amplify.variable", "API_URL", "succeeded")]


def test_all_answers_are_lost(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    remote.lost = [None, OutcomeUnknown(), Throttled()]
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.waiting) == (0, 1)
    assert pushed.problem
    assert states(world) == {"API_URL": "pending"}
    assert push_now(world, remote).done == 0  # the request may still arrive
    assert remote.calls.count(SET) == 1
    end_leases()
    push_now(world, remote)
    assert remote.calls.count(SET) == 1  # it had arrived, so nothing is pushed twice
    assert states(world) == {}
    assert events("amplify") == [("alice", "amplify.variable", "API_URL", "succeeded")]


def test_the_write_did_not_happen(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    remote.refused = [None, OutcomeUnknown()]
    assert push_now(world, remote).waiting == 1
    end_leases()
    assert push_now(world, remote).done == 1
    assert events("amplify") == [
        ("alice", "amplify.variable", "API_URL", "settled"),
        ("alice", "amplify.variable", "API_URL", "succeeded"),
    ]


def test_a_late_write_of_an_earlier_value_is_no_conflict(
    world: World, remote: MemoryAmplify
) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "first")
    remote.lost = [None, OutcomeUnknown(), Throttled()]
    push_now(world, remote)
    change_variable(world, variable_row(world, "API_URL"), "second")
    end_leases()
    assert push_now(world, remote).done == 1
    assert remote.own.variables == {"API_URL": "second"}
    assert [outcome for *_, outcome in events("amplify")] == ["succeeded", "succeeded"]
    assert events("found.variable") == []


def test_amplify_is_throttled(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    remote.refused = [Throttled()]
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.waiting, pushed.problem) == (0, 1, Throttled.message)
    assert events("amplify") == []
    assert push_now(world, remote).done == 1


def test_the_app_is_written_but_not_the_branch(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "shared")
    set_variable(world, "API_URL", "own", world.dev)
    remote.refused = [None, None, None, None, Throttled()]
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.waiting) == (1, 1)
    assert (states(world), states(world, world.dev)) == ({}, {"API_URL": "pending"})
    remote.calls.clear()
    assert push_now(world, remote).done == 1
    assert remote.calls == ["branch", "set_branch_variables", "branch"]


def test_the_author_has_lost_the_permission(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours", world.dev, by="bob")
    set_variable(world, "OTHER", "ours", world.dev, by="alice")
    Member.objects.filter(user=world.person("bob")).update(role="viewer")
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.left) == (1, 1)
    assert remote.kept["dev"].variables == {"OTHER": "ours"}
    assert events("amplify") == [
        ("bob", "amplify.variable", "API_URL", "denied"),
        ("alice", "amplify.variable", "OTHER", "succeeded"),
    ]
    remote.calls.clear()
    push_now(world, remote)
    assert remote.calls == []


def test_saved_again_while_it_is_pushed(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    row = set_variable(world, "API_URL", "first")

    def save_again(call: str) -> None:
        if call == SET:
            remote.before.clear()
            change_variable(world, row, "second", by="mia")

    remote.before = [save_again]
    push_now(world, remote)
    assert states(world) == {"API_URL": "pending"}
    push_now(world, remote)
    assert remote.own.variables == {"API_URL": "second"}
    assert [(name, outcome) for name, *_, outcome in events("amplify")] == [
        ("alice", "succeeded"),
        ("mia", "succeeded"),
    ]


def test_somebody_replaces_the_map_before_it_is_read_again(
    world: World, remote: MemoryAmplify
) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")

    def replace(call: str) -> None:
        if remote.calls == ["app", SET, "app"]:
            remote.own.variables = {"THEIRS": "theirs"}

    remote.before = [replace]
    assert push_now(world, remote).done == 0
    assert states(world)["API_URL"] == "pending"
    remote.before.clear()
    assert push_now(world, remote).done == 1
    assert remote.own.variables == {"THEIRS": "theirs", "API_URL": "ours"}


def test_what_amplify_held_is_kept_as_a_version(world: World, remote: MemoryAmplify) -> None:
    remote.own.variables = {"A": "1", "B": "2"}
    pull(world, remote)
    remove_variable(world, variable_row(world, "A"))
    push_now(world, remote)
    assert [version.variables for version in MapVersion.objects.all()] == [{"A": "1", "B": "2"}]


@pytest.mark.parametrize("key", ["key\0", "x" * 300, "\ud800"])
def test_a_key_that_the_database_cannot_hold_stays(
    world: World, remote: MemoryAmplify, key: str
) -> None:
    remote.own.variables = {key: "kept"}
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    push_now(world, remote)
    assert remote.own.variables == {key: "kept", "API_URL": "ours"}


def test_no_call_begins_that_may_not_end_in_time(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    assert push(remote, world.app, LONGEST_CALL - 1).waiting == 1
    assert remote.calls == []
    assert push(remote, world.app, PATIENCE).done == 1


def test_amplify_hangs(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "shared")
    set_variable(world, "API_URL", "own", world.dev)
    remote.refused = [Unreachable()]
    assert push(remote, world.app, PATIENCE).waiting == 2
    assert remote.calls == ["app"]  # the next scope would hang, too
    push(remote, world.app, PATIENCE)
    assert remote.calls == ["app", "branch", "set_branch_variables", "branch"]  # not again so soon


def test_amplify_refuses(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    set_variable(world, "API_URL", "own", world.dev)
    remote.refused = [None, Rejected("Amplify's limit for values is 5,500 characters.")]
    pushed = push_now(world, remote)
    assert (pushed.done, pushed.waiting) == (1, 1)
    assert pushed.problem == "Amplify's limit for values is 5,500 characters."
    assert push_now(world, remote).done == 1


def test_another_process_is_pushing(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    inner = []

    def push_again(call: str) -> None:
        if call == SET:
            remote.before.clear()
            inner.append(push_now(world, remote).done)

    remote.before = [push_again]
    assert push_now(world, remote).done == 1
    assert inner == [0]
    assert remote.calls.count(SET) == 1


def test_the_lease_was_lost_before_the_write(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")

    def take_over(call: str) -> None:
        SyncedScope.objects.update(push_id=uuid.uuid4())

    remote.before = [take_over]
    assert push_now(world, remote).done == 0
    assert remote.calls == ["app"]


def test_somebody_who_asks_waits_for_a_push_under_way(
    world: World, remote: MemoryAmplify, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    SyncedScope.objects.update(held_until=timezone.now() + timedelta(minutes=1))
    waits: list[float] = []

    def the_other_ends(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            end_leases()

    monkeypatch.setattr(pushing, "sleep", the_other_ends)
    assert push(remote, world.app, PATIENCE).done == 0  # a page doesn't wait
    assert waits == []
    assert push(remote, world.app, PATIENCE, at_once=True).done == 1
    assert len(waits) == 3


def test_a_push_under_way_for_too_long(
    world: World, remote: MemoryAmplify, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(world, remote)
    set_variable(world, "API_URL", "ours")
    SyncedScope.objects.update(held_until=timezone.now() + timedelta(minutes=1))
    waits: list[float] = []
    monkeypatch.setattr(pushing, "sleep", waits.append)
    pushed = push(remote, world.app, PATIENCE, at_once=True)
    assert (pushed.done, pushed.waiting) == (0, 1)
    assert sum(waits) == pytest.approx(2)
