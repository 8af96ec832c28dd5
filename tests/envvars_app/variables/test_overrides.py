"""Overrides when their base is renamed or removed, also concurrently."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from console.models import AuditOutcome
from envvars_app.models import VariableVersion
from envvars_app.variables import save as saving
from envvars_app.variables.commands import Overrides
from tests.factories import (
    change_variable,
    changed_variable,
    new_variable,
    removed_variable,
    save_variables,
    set_variable,
    variable_audit_rows,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.mark.parametrize("keep", [True, False])
def test_removing_a_base_asks_about_its_overrides(world: World, keep: bool) -> None:
    base = set_variable(world, "A")
    for branch in (world.main, world.dev):
        set_variable(world, "A", branch.name, branch)
    [refused] = save_variables(world, removed_variable(base))
    assert (refused.outcome, refused.field) == ("refused", "overrides")
    assert "dev, main" in refused.message
    choice = Overrides.KEEP if keep else Overrides.REMOVE
    [done] = save_variables(world, removed_variable(base, overrides=choice))
    assert done.outcome == "removed"
    left = {("main", "A"): "main", ("dev", "A"): "dev"}
    assert variable_values(world) == (left if keep else {})
    assert len([entry for entry in variable_audit_rows() if entry[1] == "remove"]) == (
        1 if keep else 3
    )


def test_removing_a_base_with_all_its_overrides(world: World) -> None:
    base, override = set_variable(world, "A"), set_variable(world, "A", "x", world.dev)
    outcomes = save_variables(world, removed_variable(override), removed_variable(base))
    assert [outcome.outcome for outcome in outcomes] == ["removed", "removed"]


def test_it_works(world: World) -> None:
    base = set_variable(world, "OLD", "base")
    set_variable(world, "OLD", "dev", world.dev)
    [renamed] = save_variables(world, changed_variable(base, "changed too", key="NEW"))
    assert (renamed.outcome, renamed.pk) == ("saved", base.pk)
    assert variable_values(world) == {("", "NEW"): "changed too", ("dev", "NEW"): "dev"}
    assert variable_audit_rows()[2:] == [
        ("alice", "rename", "All branches", "OLD", 1, 2, "succeeded"),
        ("alice", "rename", "dev", "OLD", 1, 2, "succeeded"),
    ]
    details = AuditOutcome.objects.filter(outcome="succeeded").order_by("id").values_list("detail")
    assert [detail for (detail,) in details][2:] == ["now NEW", "now NEW"]
    newest = variable_row(world, "NEW", world.dev).versions.first()
    assert newest is not None
    assert newest.note == "renamed from OLD"


def test_renaming_and_changing_an_override_in_one_save(world: World) -> None:
    base = set_variable(world, "OLD", "base")
    override = set_variable(world, "OLD", "dev", world.dev)
    outcomes = save_variables(
        world,
        changed_variable(base, "base", key="NEW"),
        changed_variable(override, "dev 2"),
        new_variable("NEW", "main", world.main),
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert variable_values(world) == {
        ("", "NEW"): "base",
        ("dev", "NEW"): "dev 2",
        ("main", "NEW"): "main",
    }
    versions = VariableVersion.objects.filter(variable=override).order_by("version")
    assert [(v.version, v.key, v.value) for v in versions] == [
        (1, "OLD", "dev"),
        (2, "OLD", "dev 2"),
        (3, "NEW", "dev 2"),
    ]


def test_an_override_can_not_be_renamed_alone(world: World) -> None:
    set_variable(world, "OLD", "base")
    override = set_variable(world, "OLD", "dev", world.dev)
    [outcome] = save_variables(world, changed_variable(override, "dev", key="NEW"))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    alone = set_variable(world, "ALONE", "x", world.dev)
    change_variable(world, alone, "x", key="NEW")
    assert variable_values(world) == {
        ("", "OLD"): "base",
        ("dev", "OLD"): "dev",
        ("dev", "NEW"): "x",
    }


def test_renames_in_a_chain(world: World) -> None:
    one, two, three = (
        set_variable(world, "A", "1"),
        set_variable(world, "B", "2"),
        set_variable(world, "C", "3"),
    )
    outcomes = save_variables(
        world,
        changed_variable(one, "1", key="B"),
        changed_variable(two, "2", key="C"),
        changed_variable(three, "3", key="D"),
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert variable_values(world) == {("", "B"): "1", ("", "C"): "2", ("", "D"): "3"}


def test_an_empty_name_is_refused(world: World) -> None:
    row = set_variable(world, "A")
    [outcome] = save_variables(world, changed_variable(row, "x", key=""))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    assert outcome.message == "Enter a name."


def test_overrides_are_removed_only_at_the_versions_shown(world: World) -> None:
    base, override = set_variable(world, "A"), set_variable(world, "A", "x", world.dev)
    seen = {override.pk: override.version}
    change_variable(world, override, "bob's work", by="bob")
    removal = removed_variable(base, overrides=Overrides.REMOVE, seen_overrides=seen)
    [changed] = save_variables(world, removal)
    assert changed.outcome == "conflict"
    assert "bob@example.org changed the override on dev" in changed.message
    assert "“bob's work”" in changed.message
    [unseen] = save_variables(world, replace(removal, seen_overrides={}))
    assert unseen.outcome == "conflict"
    assert len(variable_values(world)) == 2
    [done] = save_variables(world, replace(removal, seen_overrides={override.pk: 2}))
    assert done.outcome == "removed"
    assert variable_values(world) == {}


@pytest.fixture
def before_the_lock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a function that runs something once, between the plan and the lock."""

    def run_once(act: Callable[[], object]) -> None:
        write, acts = saving._write, [act]

        def write_late(*arguments: Any) -> None:
            if acts:
                acts.pop()()
            write(*arguments)

        monkeypatch.setattr(saving, "_write", write_late)

    return run_once


def test_a_rename_that_loses_a_race_changes_nothing(world: World, before_the_lock: Any) -> None:
    base, override = set_variable(world, "A", "base"), set_variable(world, "A", "main", world.main)
    before_the_lock(lambda: set_variable(world, "A", "dev", world.dev, by="bob"))
    changed, renamed = save_variables(
        world, changed_variable(override, "main 2"), changed_variable(base, "base", key="B")
    )
    assert (changed.outcome, renamed.outcome) == ("saved", "conflict")
    assert variable_values(world) == {
        ("", "A"): "base",
        ("main", "A"): "main 2",
        ("dev", "A"): "dev",
    }
    versions = VariableVersion.objects.filter(variable=override)
    assert sorted(v.version for v in versions) == [1, 2]


def test_a_removal_that_loses_a_race_affects_no_other_row(
    world: World, before_the_lock: Any
) -> None:
    base = set_variable(world, "A")
    before_the_lock(lambda: set_variable(world, "A", "dev", world.dev, by="bob"))
    outcomes = save_variables(
        world,
        removed_variable(base, overrides=Overrides.REMOVE),
        new_variable("A", "new"),
        new_variable("OTHER"),
    )
    assert [outcome.outcome for outcome in outcomes] == ["conflict", "conflict", "saved"]
    assert variable_values(world) == {
        ("", "A"): "first",
        ("dev", "A"): "dev",
        ("", "OTHER"): "first",
    }


def test_renaming_to_an_existing_name(world: World) -> None:
    base = set_variable(world, "OLD")
    set_variable(world, "OLD", "dev", world.dev)
    set_variable(world, "NEW", "in the way", world.dev)
    [outcome] = save_variables(world, changed_variable(base, "x", key="NEW"))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    assert "dev" in outcome.message
    assert variable_values(world)["", "OLD"] == "first"
