"""Undo a change set: what it changed goes back, and what moved on since stays (guarantee 51)."""

import uuid
from typing import Any

import pytest
from django.http import Http404

from console.access.actions import Action
from console.access.policy import find_app
from console.catalog import services
from console.lib.naming.names import PathProfile
from console.lib.results import RowOutcome
from console.models import AuditEvent
from console.workflows import change_sets
from console.workflows.change_sets import ChangeSet
from console.workflows.undoing import undo
from envvars_app import secrets_bridge
from envvars_app.variables import save as variables
from secrets_app.models import Secret
from secrets_app.paths import OneBranch, locate
from secrets_app.reveal import reveal_all
from secrets_app.store import parameter_store
from secrets_app.writes import save
from tests.factories import (
    audit_rows,
    changed_variable,
    create_branch,
    create_command,
    delete_command,
    delete_secret,
    new_variable,
    reconcile_now,
    remove_variable,
    removed_variable,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    set_variable,
    stored_values,
    variable_row,
    variable_values,
    write_outside,
)
from tests.factories.collisions import COLLISIONS
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls


def last_set() -> uuid.UUID:
    """Return the newest change set."""
    newest = AuditEvent.objects.exclude(change_set=None).latest("pk").change_set
    assert newest is not None
    return newest


def found(world: World, pk: uuid.UUID, *, by: str = "alice") -> ChangeSet:
    """Return what a person sees of a change set."""
    return change_sets.find(find_app(world.actor(by), world.app.app_id), pk)


def rows(world: World, pk: uuid.UUID, *, by: str = "alice") -> list[tuple[str, str, str]]:
    """Return the key of each change, its state, and what there is after Undo."""
    changes = found(world, pk, by=by).changes
    return [(it.key, it.undo.state.value, it.undo.after) for it in changes if it.undo]


def undone(world: World, pk: uuid.UUID, *, by: str = "alice") -> list[RowOutcome]:
    """Undo all of a change set that can be undone."""
    access = find_app(world.actor(by), world.app.app_id)
    changes = change_sets.find(access, pk).changes
    tokens = [it.undo.token for it in changes if it.undo]
    return undo(access, pk, tokens, uuid.uuid4(), may_go_on=lambda: True)


def results(world: World, pk: uuid.UUID, *, by: str = "alice") -> list[str]:
    """Undo a change set; return how each of its changes ended."""
    return [str(outcome.outcome) for outcome in undone(world, pk, by=by)]


def test_it_works(either_store: str, world: World, store_calls: StoreCalls) -> None:
    set_secret(world, "CHANGED", "old", world.main)
    commands = [set_command(secret_row(world, "CHANGED", world.main), "new")]
    save_secrets(world, *commands, create_command("ADDED", "new", world.main), by="mia")
    saved = last_set()
    assert rows(world, saved) == [
        ("CHANGED", "ready", "Back to version 1"),
        ("ADDED", "ready", "Removed"),
    ]
    store_calls.clear()
    assert results(world, saved) == ["saved", "removed"]
    assert store_calls.operations == [
        *("read_version", "current"),
        *("read", "put", "remove"),  # to the recycle bin
        *("put", "put"),
    ]
    assert stored_values(world, "CHANGED", world.main) == ("old", "old")  # the mirror too
    assert stored_values(world, "ADDED", world.main) == (None, None)
    assert rows(world, saved) == [
        ("CHANGED", "undone", "Undone"),
        ("ADDED", "undone", "Undone"),
    ]
    [other] = found(world, saved).undone
    assert found(world, other.id).undoes == saved
    assert audit_rows(world, "secret.", "changes.")[-4:] == [
        ("alice", "changes.undo", str(saved), None, "succeeded", None),
        ("alice", "secret.restore_version", "CHANGED", 1, "succeeded", None),
        ("alice", "secret.remove", "ADDED", 1, "succeeded", None),
        ("alice", "secret.change", "CHANGED", 2, "succeeded", 3),
    ]


def test_undo_of_an_undo(world: World) -> None:
    set_secret(world, "SECRET", "old")
    save_secrets(world, set_command(secret_row(world, "SECRET"), "new"))
    set_variable(world, "VARIABLE", "old")
    for _ in range(2):
        assert results(world, last_set_of("SECRET")) == ["saved"]
    remove_variable(world, variable_row(world, "VARIABLE"))
    values = []
    for _ in range(4):
        assert results(world, last_set_of("VARIABLE"))[0] in {"saved", "removed"}
        values.append(variable_values(world))
    there = {("", "VARIABLE"): "old"}
    assert values == [there, {}, there, {}]
    assert stored_values(world, "SECRET")[0] == "new"


def last_set_of(key: str) -> uuid.UUID:
    """Return the newest change set that wrote a key."""
    events = AuditEvent.objects.filter(subject=key).exclude(action=Action.VERSION_RESTORED)
    newest = events.latest("pk").change_set
    assert newest is not None
    return newest


def test_moved_on(world: World) -> None:
    """What somebody changed since stays; the rest goes back."""
    set_secret(world, "ONE", "old")
    set_secret(world, "TWO", "old")
    set_variable(world, "THREE", "old")
    save_secrets(world, *(set_command(secret_row(world, key), "new") for key in ("ONE", "TWO")))
    saved = last_set()
    set_secret(world, "ONE", "newer", by="mia")
    [moved, ready] = [it.undo for it in found(world, saved).changes if it.undo]
    assert (moved.state, moved.after) == ("changed since", "Stays at version 3")
    assert moved.message == "mia@example.org changed it"
    assert moved.at is not None
    assert ready.state == "ready"
    assert results(world, saved) == ["conflict", "saved"]
    assert stored_values(world, "ONE")[0] == "newer"
    assert stored_values(world, "TWO")[0] == "old"


def test_changed_outside(world: World) -> None:
    """The store is asked, whatever the projection says."""
    set_secret(world, "KEY", "old")
    save_secrets(world, set_command(secret_row(world, "KEY"), "new"))
    saved = last_set()
    write_outside(secret_paths(world, "KEY")[0])
    assert rows(world, saved)[0][1] == "ready"
    assert results(world, saved) == ["conflict"]
    assert stored_values(world, "KEY")[0] == "from outside"
    assert rows(world, saved) == [
        ("KEY", "changed since", "Stays at version 3")
    ]  # reconciled by now


def test_added_again(world: World) -> None:
    """A secret that was removed and added again has the version of the other one."""
    set_secret(world, "KEY", "first")
    saved = last_set()
    delete_secret(world, "KEY")
    set_secret(world, "KEY", "another")
    assert rows(world, saved) == [("KEY", "changed since", "Stays at version 1")]
    assert results(world, saved) == ["conflict"]
    assert stored_values(world, "KEY")[0] == "another"


def test_added_again_outside(world: World) -> None:
    set_secret(world, "KEY", "first")
    saved = last_set()
    reconcile_now(world)
    [path, _] = secret_paths(world, "KEY")
    parameter_store().remove([path])
    write_outside(path)
    assert rows(world, saved)[0][1] == "ready"
    assert results(world, saved) == ["conflict"]
    assert stored_values(world, "KEY")[0] == "from outside"


def test_several_writes_of_one_row(world: World) -> None:
    """A change set may arrive in several posts. Undo goes back to what was before the first."""
    set_secret(world, "KEY", "one")
    change_set = uuid.uuid4()
    for value in ("two", "three"):
        save.save(
            actor=world.actor("alice"),
            app_id=world.app.app_id,
            commands=[set_command(secret_row(world, "KEY"), value)],
            change_set=change_set,
        )
    assert rows(world, change_set) == [("KEY", "ready", "Back to version 1")]
    assert found(world, change_set).changes[0].what == "Version 1 to 3"
    assert results(world, change_set) == ["saved"]
    assert stored_values(world, "KEY")[0] == "one"


def test_not_written(world: World) -> None:
    row = set_secret(world, "KEY", "old")
    set_secret(world, "KEY", "newer")
    save_secrets(world, set_command(row, "late"), create_command("OTHER"))
    assert [row[0] for row in rows(world, last_set())] == ["OTHER"]


def test_mixed(world: World) -> None:
    """Removed, changed and added in one change set, secrets and variables."""
    for key in ("CHANGED", "REMOVED"):
        set_secret(world, key, "old")
        set_variable(world, key, "old")
    change_set = uuid.uuid4()
    save.save(
        actor=world.actor("alice"),
        app_id=world.app.app_id,
        commands=[
            set_command(secret_row(world, "CHANGED"), "new"),
            delete_command(secret_row(world, "REMOVED")),
            create_command("ADDED"),
        ],
        change_set=change_set,
    )
    variables.save(
        actor=world.actor("alice"),
        app_id=world.app.app_id,
        commands=[
            changed_variable(variable_row(world, "CHANGED"), "new"),
            removed_variable(variable_row(world, "REMOVED")),
            new_variable("ADDED"),
        ],
        change_set=change_set,
    )
    assert sorted(results(world, change_set)) == ["removed"] * 2 + ["saved"] * 4
    assert {stored_values(world, key)[0] for key in ("CHANGED", "REMOVED")} == {"old"}
    assert stored_values(world, "ADDED")[0] is None
    assert variable_values(world) == {("", "CHANGED"): "old", ("", "REMOVED"): "old"}


def test_secret_made_of_a_variable(world: World) -> None:
    """It is the only place of the value, so it stays."""
    row = set_variable(world, "KEY", "confidential")
    secrets_bridge.move_to_secrets(
        actor=world.actor("alice"), app_id=world.app.app_id, pk=row.pk, base=1
    )
    assert [row[1] for row in rows(world, last_set())] == ["impossible", "impossible"]
    assert results(world, last_set()) == ["refused", "refused"]
    assert stored_values(world, "KEY")[0] == "confidential"


def test_branches_that_share_parameters(world: World) -> None:
    """The stricter branch decides, whichever of the two was used."""
    one, other = COLLISIONS[0].one, COLLISIONS[0].other
    guarded = create_branch(world, one, protected=True)
    shared = create_branch(world, other)
    for value in ("old", "new"):
        set_secret(world, "KEY", value, guarded)
    reconcile_now(world)
    saved = last_set_of("KEY")
    assert rows(world, saved, by="bob") == [("KEY", "denied", "Stays at version 2")]
    assert results(world, saved, by="bob") == ["denied"]
    assert results(world, saved) == ["saved"]
    assert stored_values(world, "KEY", shared)[0] == "old"


def test_reveals_are_no_changes(world: World) -> None:
    set_secret(world, "KEY", "old")
    reveal_all(actor=world.actor("alice"), app_id=world.app.app_id, branch=None)
    with pytest.raises(Http404):
        found(world, last_set())


@pytest.mark.parametrize("number", [1, 20])
def test_queries(world: World, number: int, django_assert_num_queries: Any) -> None:
    save_secrets(world, *(create_command(f"KEY_{it}") for it in range(number)))
    saved = last_set()
    access = find_app(world.actor("alice"), world.app.app_id)
    with django_assert_num_queries(10):
        change_sets.find(access, saved)
    assert Secret.objects.count() == number


def test_versions_of_another_path(world: World) -> None:
    """Each path has a parameter, whose versions count for themselves."""
    world.app.path_profile = "documented"
    world.app.save()
    for value in ("one", "two"):
        set_secret(world, "API_KEY", value, world.dev)
    changed = last_set()
    set_secret(world, "SHARED", "one")
    set_secret(world, "SHARED", "two")
    shared = last_set()
    set_secret(world, "REMOVED", "one", world.dev)
    delete_secret(world, "REMOVED", world.dev)
    removed = last_set()
    for value in ("another", "one more"):
        write_outside(
            locate(OneBranch("d1shop", "dev"), "API_KEY", PathProfile.BACKEND).primary, value
        )
    fields = {"path_profile": "both"}
    services.change_app(actor=world.actor("alice"), app_id="d1shop", fields=fields)
    world.app.refresh_from_db()
    reconcile_now(world)
    assert rows(world, changed) == [("API_KEY", "impossible", "Stays as it is")]
    assert [it.outcome for it in undone(world, changed)] == ["refused"]
    assert stored_values(world, "API_KEY", world.dev)[0] == "one more"
    assert rows(world, shared) == [("SHARED", "ready", "Back to version 1")]
    assert rows(world, removed) == [("REMOVED", "ready", "Added again")]
    set_secret(world, "API_KEY", "three", world.dev)
    assert rows(world, last_set()) == [("API_KEY", "ready", "Back to version 2")]
