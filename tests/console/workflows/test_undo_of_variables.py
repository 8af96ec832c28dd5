"""Undo a change set of variables: values, names, and bases with overrides (guarantee 51)."""

from envvars_app.variables.commands import Overrides
from tests.console.workflows.test_undo import found, last_set, results, rows
from tests.factories import (
    changed_variable,
    new_variable,
    remove_variable,
    removed_variable,
    save_variables,
    set_variable,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World


def test_it_works(world: World) -> None:
    set_variable(world, "CHANGED", "old")
    set_variable(world, "REMOVED", "old", world.dev)
    save_variables(
        world,
        changed_variable(variable_row(world, "CHANGED"), "new"),
        removed_variable(variable_row(world, "REMOVED", world.dev)),
        new_variable("ADDED", "new", world.dev),
    )
    saved = last_set()
    assert sorted(rows(world, saved)) == [
        ("ADDED", "ready", "Removed"),
        ("CHANGED", "ready", "Back to version 1"),
        ("REMOVED", "ready", "Added again"),
    ]
    assert sorted(results(world, saved)) == ["removed", "saved", "saved"]
    assert variable_values(world) == {("", "CHANGED"): "old", ("dev", "REMOVED"): "old"}
    assert {state for _, state, _ in rows(world, saved)} == {"undone"}


def test_variable_that_moved_on(world: World) -> None:
    row = set_variable(world, "KEY", "old")
    save_variables(world, changed_variable(row, "new"))
    saved = last_set()
    save_variables(world, changed_variable(variable_row(world, "KEY"), "newer"), by="mia")
    [change] = found(world, saved).changes
    assert change.undo
    assert (change.undo.state, change.undo.message) == (
        "changed since",
        "mia@example.org changed it",
    )
    assert results(world, saved) == ["conflict"]
    assert variable_values(world) == {("", "KEY"): "newer"}


def test_removed_variable_that_was_added_again(world: World) -> None:
    remove_variable(world, set_variable(world, "KEY", "old"))
    saved = last_set()
    set_variable(world, "KEY", "another", by="mia")
    assert rows(world, saved) == [("KEY", "changed since", "Stays as it is")]
    assert results(world, saved) == ["conflict"]
    assert variable_values(world) == {("", "KEY"): "another"}


def test_renamed_base_with_overrides(world: World) -> None:
    base = set_variable(world, "OLD", "base")
    set_variable(world, "OLD", "override", world.dev)
    save_variables(world, changed_variable(base, "new base", key="NEW"))
    assert variable_values(world) == {("", "NEW"): "new base", ("dev", "NEW"): "override"}
    saved = last_set()
    assert [row[1] for row in rows(world, saved)] == ["ready", "ready"]
    assert results(world, saved) == ["saved", "saved"]
    assert variable_values(world) == {("", "OLD"): "base", ("dev", "OLD"): "override"}


def test_removed_base_with_overrides(world: World) -> None:
    base = set_variable(world, "KEY", "base")
    set_variable(world, "KEY", "override", world.dev)
    remove_variable(world, base, overrides=Overrides.REMOVE)
    assert variable_values(world) == {}
    assert results(world, last_set()) == ["saved", "saved"]
    assert variable_values(world) == {("", "KEY"): "base", ("dev", "KEY"): "override"}


def test_swapped_names(world: World) -> None:
    one, two = set_variable(world, "ONE", "1"), set_variable(world, "TWO", "2")
    save_variables(
        world, changed_variable(one, "1", key="THREE"), changed_variable(two, "2", key="ONE")
    )
    assert variable_values(world) == {("", "THREE"): "1", ("", "ONE"): "2"}
    assert results(world, last_set()) == ["saved", "saved"]
    assert variable_values(world) == {("", "ONE"): "1", ("", "TWO"): "2"}
