"""Why a branch gets its value of a variable: what is here, and what Amplify gives to builds."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from console.access.policy import find_app, find_branch
from console.amplify.errors import OutcomeUnknown, Throttled
from console.environment.explaining import Explanation, Place, Reader
from console.environment.sources import source_of
from console.models import Branch, BranchConnection
from envvars_app.models import SyncedScope
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.envvars_app.amplify_sync.steps import pull, push_now
from tests.factories import change_variable, remove_variable, set_variable
from tests.fixtures.people import World

KEY = "API_URL"


@pytest.fixture
def synced(world: World, remote: MemoryAmplify) -> MemoryAmplify:
    """Return Amplify in memory, whose branches are known and which has been read."""
    for branch in (world.main, world.dev):
        BranchConnection.objects.create(branch=branch, seen_at=timezone.now())
    pull(world, remote)
    return remote


def explain(world: World, branch: Branch | None) -> Explanation:
    access = find_app(world.actor("vera"), world.app.app_id)
    known = find_branch(access, branch.pk) if branch else None
    found = source_of("variable").explain(access, KEY, known)
    assert found is not None
    return found


def build(world: World, branch: Branch | None) -> Reader:
    return explain(world, branch).readers[0]


def uses(reader: Reader) -> list[tuple[str, str, int]]:
    return [(place.scope, use.value, place.version) for place, use in reader.steps]


def note(place: Place) -> str:
    return " ".join(place.notes)


def test_it_works(world: World, django_assert_num_queries: Callable[..., Any]) -> None:
    set_variable(world, KEY, "shared")
    row = set_variable(world, KEY, "own", world.main, by="mia")
    change_variable(world, row, by="mia")
    access = find_app(world.actor("vera"), world.app.app_id)
    with django_assert_num_queries(2):
        found = source_of("variable").explain(access, KEY, world.main)
    assert found is not None
    [commands] = found.readers
    assert uses(commands) == [("main", "used", 2), ("All branches", "not used", 1)]
    own = commands.places[0]
    assert (own.by, own.is_outside, own.pk) == ("mia@example.org", False, row.pk)
    assert own.change_set is not None
    assert "isn't connected" in commands.notes[0]
    assert found.check is None


def test_inherited_since_the_override_was_removed(world: World) -> None:
    set_variable(world, KEY, "shared")
    remove_variable(world, set_variable(world, KEY, "own", world.dev), by="bob")
    [commands] = explain(world, world.dev).readers
    assert uses(commands) == [("dev", "no value", 0), ("All branches", "used", 1)]
    assert commands.cause == commands.places[0]
    assert commands.places[0].by == "bob@example.org"


def test_nothing_for_this_branch(world: World) -> None:
    set_variable(world, KEY, "own", world.main)
    [commands] = explain(world, world.dev).readers
    assert uses(commands) == [("dev", "no value", 0), ("All branches", "no value", 0)]


def test_unknown_key(world: World) -> None:
    access = find_app(world.actor("vera"), world.app.app_id)
    assert source_of("variable").explain(access, KEY, world.main) is None


def test_connected(
    world: World, synced: MemoryAmplify, django_assert_num_queries: Callable[..., Any]
) -> None:
    set_variable(world, KEY, "shared")
    push_now(world, synced)
    calls = [*synced.calls]
    access = find_app(world.actor("vera"), world.app.app_id)
    main = next(it for it in access.branches if it == world.main)
    with django_assert_num_queries(4):
        found = source_of("variable").explain(access, KEY, main)
    assert synced.calls == calls
    assert found is not None
    in_amplify, here = found.readers
    assert uses(in_amplify) == [("main", "no value", 0), ("All branches", "used", 1)]
    assert uses(here) == uses(in_amplify)
    assert found.check is not None
    assert found.check.at is not None


def test_pending(world: World, synced: MemoryAmplify) -> None:
    set_variable(world, KEY, "shared")
    push_now(world, synced)
    set_variable(world, KEY, "own", world.main, by="mia")
    in_amplify, here, *_ = explain(world, world.main).readers
    assert uses(in_amplify) == [("main", "no value", 0), ("All branches", "used", 1)]
    assert uses(here) == [("main", "used", 1), ("All branches", "not used", 1)]
    waits = "Version 1, saved by mia@example.org, waits to be pushed."
    assert waits in note(in_amplify.places[0])
    push_now(world, synced)
    assert uses(build(world, world.main))[0] == ("main", "used", 1)


def test_pending_removal(world: World, synced: MemoryAmplify) -> None:
    row = set_variable(world, KEY, "own", world.main)
    push_now(world, synced)
    remove_variable(world, row)
    in_amplify, here, *_ = explain(world, world.main).readers
    assert uses(in_amplify)[0] == ("main", "used", 0)
    assert "The removal, saved by alice@example.org, waits" in note(in_amplify.places[0])
    assert uses(here)[0] == ("main", "no value", 0)


def test_changed_in_amplify(world: World, synced: MemoryAmplify) -> None:
    set_variable(world, KEY, "own", world.main)
    push_now(world, synced)
    synced.kept["main"].variables[KEY] = "theirs"
    pull(world, synced)
    place = build(world, world.main).places[0]
    assert (place.holds.name, place.is_outside, place.by) == ("VALUE", True, "")
    assert place.since is not None
    assert "was changed in Amplify and differs" in note(place)


def test_conflict(world: World, synced: MemoryAmplify) -> None:
    row = set_variable(world, KEY, "own", world.main)
    push_now(world, synced)
    synced.kept["main"].variables[KEY] = "theirs"
    change_variable(world, row)
    pull(world, synced)
    place = build(world, world.main).places[0]
    assert "Version 2, saved by alice@example.org, was not pushed" in note(place)


def test_push_without_an_outcome(world: World, synced: MemoryAmplify) -> None:
    set_variable(world, KEY, "shared")
    synced.lost = [None, OutcomeUnknown(), Throttled()]
    push_now(world, synced)
    reader = build(world, None)
    assert uses(reader) == [("All branches", "uncertain", 0)]
    assert "Amplify may have it already" in note(reader.places[0])
    assert uses(build(world, world.dev))[1] == ("All branches", "uncertain", 0)


def test_given_to_branches_that_amplify_creates(world: World, synced: MemoryAmplify) -> None:
    SyncedScope.objects.filter(branch=None).update(auto_branch={KEY: "given"})
    set_variable(world, KEY, "given", world.dev)
    set_variable(world, KEY, "own", world.main)
    push_now(world, synced)
    given = explain(world, world.dev).readers
    assert "each branch that it creates" in given[-1].notes[0]
    assert "that Amplify gives to branches" in note(given[0].places[0])
    assert build(world, world.main).places[0].notes == []


def test_branch_that_amplify_does_not_have(world: World, synced: MemoryAmplify) -> None:
    BranchConnection.objects.filter(branch=world.dev).delete()
    set_variable(world, KEY, "own", world.dev)
    here, in_amplify = explain(world, world.dev).readers
    assert uses(here)[0] == ("dev", "used", 1)
    assert "doesn't have this branch" in in_amplify.notes[0]


def test_amplify_was_not_read_yet(world: World, remote: MemoryAmplify) -> None:
    BranchConnection.objects.create(branch=world.main, seen_at=timezone.now())
    set_variable(world, KEY, "own", world.main)
    found = explain(world, world.main)
    assert found.readers[0].is_uncertain
    assert found.check is not None
    assert found.check.at is None
