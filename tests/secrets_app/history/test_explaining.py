"""Why a branch gets its value of a secret: the places of backends and builds, without a value."""

from collections.abc import Callable
from typing import Any

import pytest

from console.access.policy import find_app
from console.environment.explaining import Explanation, Place, Reader
from console.environment.sources import source_of
from console.models import Branch
from secrets_app.models import Secret, UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    create_branch,
    delete_secret,
    expire_leases,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    write_outside,
)
from tests.factories.collisions import COLLISIONS
from tests.factories.secrets import create_command, delete_command
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, lose_response

KEY = "API_KEY"
ALICE = "alice@example.org"


def explain(world: World, branch: Branch | None, by: str = "vera") -> Explanation:
    found = source_of("secret").explain(find_app(world.actor(by), world.app.app_id), KEY, branch)
    assert found is not None
    return found


def backend(world: World, branch: Branch | None) -> Reader:
    [reader] = [it for it in explain(world, branch).readers if "backend" in it.title]
    return reader


def build(world: World, branch: Branch | None) -> Reader:
    [reader] = [it for it in explain(world, branch).readers if "build" in it.title]
    return reader


def uses(reader: Reader) -> list[tuple[str, str, int]]:
    return [(place.scope, use.value, place.version) for place, use in reader.steps]


def note(place: Place) -> str:
    return " ".join(place.notes)


def test_it_works(
    world: World,
    store_calls: StoreCalls,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    set_secret(world, KEY, "shared")
    set_secret(world, KEY, "own", world.main, by="mia")
    set_secret(world, KEY, "own again", world.main, by="mia")
    store_calls.clear()
    access = find_app(world.actor("vera"), world.app.app_id)
    with django_assert_num_queries(6):
        found = source_of("secret").explain(access, KEY, world.main)
    assert store_calls() == 0
    assert found is not None
    on_backend, in_build, in_sandbox = found.readers
    assert uses(on_backend) == [("main", "used", 2), ("All branches", "not used", 1)]
    assert uses(in_build) == [("main", "used", 2)]
    own, shared = on_backend.places
    assert own.path == "/amplify/d1shop/main-branch-12c75d3ae4/API_KEY"
    assert shared.path == "/amplify/shared/d1shop/API_KEY"
    assert in_build.places[0].path == "/amplify/d1shop/main/API_KEY"
    assert (own.by, own.is_outside, shared.by) == ("mia@example.org", False, ALICE)
    assert own.change_set is not None
    assert on_backend.cause == own
    assert found.scopes == {
        None: secret_row(world, KEY).pk,
        world.main.pk: secret_row(world, KEY, world.main).pk,
    }
    assert "reads none of these" in in_sandbox.notes[0]


def test_inherited(world: World) -> None:
    set_secret(world, KEY, "shared")
    reader = backend(world, world.dev)
    assert uses(reader) == [("dev", "no value", 0), ("All branches", "used", 1)]
    assert reader.cause == reader.places[1]
    in_build = build(world, world.dev)
    assert uses(in_build) == [("dev", "no value", 0)]
    assert "doesn't have values for All branches" in in_build.notes[0]


def test_inherited_since_the_own_value_was_removed(world: World) -> None:
    set_secret(world, KEY, "shared")
    set_secret(world, KEY, "own", world.dev)
    delete_secret(world, KEY, world.dev, by="bob")
    reader = backend(world, world.dev)
    assert uses(reader) == [("dev", "no value", 0), ("All branches", "used", 1)]
    assert reader.cause == reader.places[0]
    assert (reader.places[0].by, reader.places[0].is_outside) == ("bob@example.org", False)


def test_own_value_removed_outside(world: World) -> None:
    set_secret(world, KEY, "shared")
    set_secret(world, KEY, "own", world.dev)
    reconcile_now(world)
    parameter_store().remove(secret_paths(world, KEY, world.dev))
    reconcile_now(world)
    place = backend(world, world.dev).places[0]
    assert (place.holds.name, place.by, place.is_outside) == ("NOTHING", "", True)


def test_all_branches(world: World) -> None:
    set_secret(world, KEY, "shared")
    reader = backend(world, None)
    assert uses(reader) == [("All branches", "used", 1)]
    assert uses(build(world, None)) == []


def test_nothing_for_this_branch(world: World) -> None:
    set_secret(world, KEY, "own", world.main)
    reader = backend(world, world.dev)
    assert uses(reader) == [("dev", "no value", 0), ("All branches", "no value", 0)]
    assert (reader.used, reader.is_uncertain) == (None, False)


def test_unknown_key(world: World) -> None:
    set_secret(world, "OTHER")
    access = find_app(world.actor("vera"), world.app.app_id)
    assert source_of("secret").explain(access, KEY, world.main) is None


def test_missing_mirror(world: World) -> None:
    set_secret(world, KEY, "own", world.main)
    reconcile_now(world)
    parameter_store().remove([secret_paths(world, KEY, world.main)[1]])
    reconcile_now(world)
    assert uses(backend(world, world.main))[0] == ("main", "used", 1)
    in_build = build(world, world.main)
    assert uses(in_build) == [("main", "no value", 0)]
    assert "mirror is missing" in note(in_build.places[0])


def test_mirror_alone(world: World) -> None:
    set_secret(world, KEY, "own", world.main)
    reconcile_now(world)
    parameter_store().remove([secret_paths(world, KEY, world.main)[0]])
    reconcile_now(world)
    reader = backend(world, world.main)
    assert uses(reader) == [("main", "no value", 0), ("All branches", "no value", 0)]
    in_build = build(world, world.main)
    assert uses(in_build) == [("main", "used", 1)]
    assert "no backend reads it" in note(in_build.places[0])


def test_drifted(world: World) -> None:
    set_secret(world, KEY, "own", world.main)
    reconcile_now(world)
    write_outside(secret_paths(world, KEY, world.main)[0])
    reconcile_now(world)
    own = backend(world, world.main).places[0]
    assert (own.version, own.by, own.is_outside, own.change_set) == (2, "", True, None)
    assert own.since == secret_row(world, KEY, world.main).modified
    assert "another value" in note(build(world, world.main).places[0])


def test_principal_is_shortened_for_members(world: World) -> None:
    set_secret(world, KEY, "own", world.main)
    reconcile_now(world)
    write_outside(secret_paths(world, KEY, world.main)[0])
    reconcile_now(world)
    arn = "arn:aws:sts::123456789012:assumed-role/Deploy/ci-deploy"
    Secret.objects.update(modified_by=arn)
    assert backend(world, world.main).places[0].by == "ci-deploy"


def test_deleted_branch(world: World) -> None:
    set_secret(world, KEY, "own", world.dev)
    world.dev.deleted_at = world.dev.created_at
    world.dev.save()
    assert uses(backend(world, world.dev))[0] == ("dev", "used", 1)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("create", [("dev", "uncertain", 0), ("All branches", "uncertain", 1)]),
        ("change", [("dev", "used", 1), ("All branches", "not used", 1)]),
        ("remove", [("dev", "uncertain", 1), ("All branches", "uncertain", 1)]),
    ],
)
def test_lost_response(
    world: World, interrupted: InterruptedStore, act: str, expected: list[tuple[str, str, int]]
) -> None:
    set_secret(world, KEY, "shared")
    command: SecretCommand = create_command(KEY, "own", world.dev)
    if act != "create":
        row = set_secret(world, KEY, "own", world.dev)
        command = delete_command(row) if act == "remove" else set_command(row)
    interrupted.after("remove" if act == "remove" else "put", lose_response)
    save_secrets(world, command, by="bob")
    reader = backend(world, world.dev)
    assert uses(reader) == expected
    assert reader.is_uncertain is (act != "change")
    assert "by bob@example.org, was lost" in note(reader.places[0])
    expire_leases()
    reconcile_now(world)
    settled = backend(world, world.dev)
    assert not settled.is_uncertain
    assert settled.places[0].notes == []


def test_more_secrets_than_a_build_has(world: World) -> None:
    set_secret(world, KEY, "own", world.main)
    for number in range(10):
        set_secret(world, f"KEY_{number}", "own", world.main)
    in_build = build(world, world.main)
    assert uses(in_build) == [("main", "uncertain", 1)]
    assert "has 11 secrets at this path" in note(in_build.places[0])


def test_profile_backend(world: World) -> None:
    world.app.path_profile = "backend"
    world.app.save()
    set_secret(world, KEY, "own", world.main)
    in_build = build(world, world.main)
    assert uses(in_build) == [("main", "no value", 0)]
    assert "“backend”" in note(in_build.places[0])
    write_outside("/amplify/d1shop/main/API_KEY")
    reconcile_now(world)
    assert UnknownParameter.objects.count() == 1
    assert uses(build(world, world.main)) == [("main", "used", 1)]


def test_profile_documented(world: World) -> None:
    world.app.path_profile = "documented"
    world.app.save()
    set_secret(world, KEY, "shared")
    set_secret(world, KEY, "own", world.main)
    commands, *_ = explain(world, world.main).readers
    assert uses(commands) == [("main", "used", 1), ("All branches", "not used", 1)]
    assert uses(build(world, world.main)) == [("main", "used", 1)]
    for number in range(10):
        set_secret(world, f"KEY_{number}", "own", world.main)
    assert uses(build(world, world.main)) == [("main", "uncertain", 1)]
    assert uses(explain(world, world.main).readers[0])[0] == ("main", "used", 1)
    # A backend looks where this profile doesn't write.
    reader = backend(world, world.main)
    assert uses(reader) == [("main", "no value", 0), ("All branches", "used", 1)]


def test_branch_without_a_documented_path(world: World) -> None:
    branch = create_branch(world, "fix #1")
    set_secret(world, KEY, "own", branch)
    assert uses(backend(world, branch))[0] == ("fix #1", "used", 1)
    in_build = build(world, branch)
    assert uses(in_build) == [("fix #1", "no value", 0)]
    assert "no documented path" in note(in_build.places[0])


def test_branches_that_share_their_parameters(world: World) -> None:
    one, other = (create_branch(world, name) for name in COLLISIONS[0][1:])
    set_secret(world, KEY, "own", one)
    place = backend(world, one).places[0]
    assert f"It is also the parameter of {other.name}." in note(place)
    assert (place.by, place.is_outside) == (ALICE, False)


def test_when_a_change_takes_effect(world: World, settings: Any) -> None:
    set_secret(world, KEY, "own", world.main)
    found = explain(world, world.main)
    assert "which Amplify can't read" in found.notes[0]
    assert found.readers[0].takes_effect == "The next `run` or `pull` reads a new value."
    settings.PARAMETER_STORE = "ssm"  # which is not called
    on_backend, in_build, in_sandbox = explain(world, world.main).readers
    assert explain(world, world.main).notes == []
    assert on_backend.takes_effect.startswith("Functions read a new value within a minute")
    assert in_build.takes_effect == "The next build reads a new value."
    assert in_sandbox.takes_effect == ""
