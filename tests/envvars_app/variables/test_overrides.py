"""Overrides: what becomes of them when their base is renamed or removed, also in a race."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from console.models import AuditOutcome
from envvars_app.models import VariableVersion
from envvars_app.variables import save as saving
from envvars_app.variables.commands import Overrides
from tests.envvars_app.variables.desk import Desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.mark.parametrize("stay", [True, False])
def test_a_base_with_overrides_is_removed_by_saying_what_becomes_of_them(
    desk: Desk, stay: bool
) -> None:
    base = desk.put("A")
    for branch in (desk.world.main, desk.world.dev):
        desk.put("A", branch.name, branch)
    [asked] = desk.save("alice", desk.removal(base))
    assert (asked.outcome, asked.field) == ("refused", "overrides")
    assert "dev, main" in asked.message
    choice = Overrides.KEEP if stay else Overrides.REMOVE
    [done] = desk.save("alice", desk.removal(base, overrides=choice))
    assert done.outcome == "removed"
    left = {("main", "A"): "main", ("dev", "A"): "dev"}
    assert desk.values() == (left if stay else {})
    assert len([entry for entry in desk.trail() if entry[1] == "remove"]) == (1 if stay else 3)


def test_overrides_that_go_in_the_same_save_need_no_question(desk: Desk) -> None:
    base, override = desk.put("A"), desk.put("A", "x", desk.world.dev)
    outcomes = desk.save("alice", desk.removal(override), desk.removal(base))
    assert [outcome.outcome for outcome in outcomes] == ["removed", "removed"]


def test_it_works(desk: Desk) -> None:
    base = desk.put("OLD", "base")
    desk.put("OLD", "dev", desk.world.dev)
    [renamed] = desk.save("alice", desk.change(base, "changed too", key="NEW"))
    assert (renamed.outcome, renamed.pk) == ("saved", base.pk)
    assert desk.values() == {("", "NEW"): "changed too", ("dev", "NEW"): "dev"}
    assert desk.trail()[2:] == [
        ("alice", "rename", "All branches", "OLD", 1, 2, "succeeded"),
        ("alice", "rename", "dev", "OLD", 1, 2, "succeeded"),
    ]
    said = AuditOutcome.objects.filter(outcome="succeeded").order_by("id").values_list("detail")
    assert [detail for (detail,) in said][2:] == ["now NEW", "now NEW"]
    newest = desk.row("NEW", desk.world.dev).versions.first()
    assert newest is not None
    assert newest.note == "renamed from OLD"


def test_a_rename_and_a_changed_override_in_one_save(desk: Desk) -> None:
    base = desk.put("OLD", "base")
    override = desk.put("OLD", "dev", desk.world.dev)
    outcomes = desk.save(
        "alice",
        desk.change(base, "base", key="NEW"),
        desk.change(override, "dev 2"),
        desk.new("NEW", "main", desk.world.main),
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert desk.values() == {("", "NEW"): "base", ("dev", "NEW"): "dev 2", ("main", "NEW"): "main"}
    versions = VariableVersion.objects.filter(variable=override).order_by("version")
    assert [(v.version, v.key, v.value) for v in versions] == [
        (1, "OLD", "dev"),
        (2, "OLD", "dev 2"),
        (3, "NEW", "dev 2"),
    ]


def test_an_override_keeps_its_bases_name(desk: Desk) -> None:
    desk.put("OLD", "base")
    override = desk.put("OLD", "dev", desk.world.dev)
    [outcome] = desk.save("alice", desk.change(override, "dev", key="NEW"))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    alone = desk.put("ALONE", "x", desk.world.dev)
    desk.save("alice", desk.change(alone, "x", key="NEW"))
    assert desk.values() == {("", "OLD"): "base", ("dev", "OLD"): "dev", ("dev", "NEW"): "x"}


def test_renames_that_wait_for_each_other(desk: Desk) -> None:
    one, two, three = desk.put("A", "1"), desk.put("B", "2"), desk.put("C", "3")
    outcomes = desk.save(
        "alice",
        desk.change(one, "1", key="B"),
        desk.change(two, "2", key="C"),
        desk.change(three, "3", key="D"),
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert desk.values() == {("", "B"): "1", ("", "C"): "2", ("", "D"): "3"}


def test_an_empty_name_is_refused(desk: Desk) -> None:
    row = desk.put("A")
    [outcome] = desk.save("alice", desk.change(row, "x", key=""))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    assert outcome.message == "Enter a name."


def test_overrides_go_only_as_they_were_seen(desk: Desk) -> None:
    base, override = desk.put("A"), desk.put("A", "x", desk.world.dev)
    seen = {override.pk: override.version}
    desk.save("bob", desk.change(override, "bob's work"))
    removal = desk.removal(base, overrides=Overrides.REMOVE, seen_overrides=seen)
    [changed] = desk.save("alice", removal)
    assert changed.outcome == "conflict"
    assert "bob@example.org changed the override on dev" in changed.message
    assert "“bob's work”" in changed.message
    [unseen] = desk.save("alice", replace(removal, seen_overrides={}))
    assert unseen.outcome == "conflict"
    assert len(desk.values()) == 2
    [done] = desk.save("alice", replace(removal, seen_overrides={override.pk: 2}))
    assert done.outcome == "removed"
    assert desk.values() == {}


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a function that lets something happen once, between the plan and the lock."""

    def happen(act: Callable[[], object]) -> None:
        write, acts = saving._write, [act]

        def late(*arguments: Any) -> None:
            if acts:
                acts.pop()()
            write(*arguments)

        monkeypatch.setattr(saving, "_write", late)

    return happen


def test_a_rename_that_loses_the_race_changes_nothing(desk: Desk, meanwhile: Any) -> None:
    base, override = desk.put("A", "base"), desk.put("A", "main", desk.world.main)
    meanwhile(lambda: desk.save("bob", desk.new("A", "dev", desk.world.dev)))
    changed, renamed = desk.save(
        "alice", desk.change(override, "main 2"), desk.change(base, "base", key="B")
    )
    assert (changed.outcome, renamed.outcome) == ("saved", "conflict")
    assert desk.values() == {("", "A"): "base", ("main", "A"): "main 2", ("dev", "A"): "dev"}
    versions = VariableVersion.objects.filter(variable=override)
    assert sorted(v.version for v in versions) == [1, 2]


def test_a_removal_that_loses_the_race_takes_no_other_row_along(desk: Desk, meanwhile: Any) -> None:
    base = desk.put("A")
    meanwhile(lambda: desk.save("bob", desk.new("A", "dev", desk.world.dev)))
    outcomes = desk.save(
        "alice",
        desk.removal(base, overrides=Overrides.REMOVE),
        desk.new("A", "new"),
        desk.new("OTHER"),
    )
    assert [outcome.outcome for outcome in outcomes] == ["conflict", "conflict", "saved"]
    assert desk.values() == {("", "A"): "first", ("dev", "A"): "dev", ("", "OTHER"): "first"}


def test_a_rename_takes_no_name_that_is_there(desk: Desk) -> None:
    base = desk.put("OLD")
    desk.put("OLD", "dev", desk.world.dev)
    desk.put("NEW", "in the way", desk.world.dev)
    [outcome] = desk.save("alice", desk.change(base, "x", key="NEW"))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    assert "dev" in outcome.message
    assert desk.values()["", "OLD"] == "first"
