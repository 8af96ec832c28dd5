"""Bulk edit writes only what its preview showed: what changed since is a conflict."""

import pytest
from django.test import Client

from tests.envvars_app.variables.pages import (
    BASE,
    apply_bulk,
    notes,
    post_bulk,
    preview_bulk,
    seen_field,
)
from tests.factories import (
    change_variable,
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

pytestmark = pytest.mark.django_db


def test_it_works(world: World, alice: Client) -> None:
    changed, removed, lacking = (
        set_variable(world, "CHANGED"),
        set_variable(world, "REMOVED"),
        set_variable(world, "LACKING"),
    )
    text = "CHANGED=mine\nREMOVED=mine\nADDED=mine\nSAME=first\n"
    set_variable(world, "SAME")
    seen = seen_field(preview_bulk(alice, text, mode="replace"))
    save_variables(world, changed_variable(changed, "theirs"), removed_variable(removed), by="mia")
    save_variables(
        world, new_variable("ADDED", "theirs"), new_variable("APPEARED", "theirs"), by="mia"
    )
    save_variables(
        world,
        changed_variable(lacking, "theirs"),
        changed_variable(variable_row(world, "SAME"), "theirs"),
        by="mia",
    )
    answer = post_bulk(alice, "apply", text, mode="replace", seen=seen)
    assert answer.status_code == 422
    assert "Applied 0 of 6 changes" in answer.text
    messages = notes(answer)
    assert set(messages) == {"CHANGED", "REMOVED", "ADDED", "APPEARED", "LACKING", "SAME"}
    assert all("mia@example.org" in sentence for sentence in messages.values())
    assert "It is now “theirs”" in messages["CHANGED"]
    assert "removed this variable" in messages["REMOVED"]
    assert set(variable_values(world).values()) == {"theirs"}
    again = {line["key"]: line["again"].split()[3] for line in answer.context["lines"]}
    assert (again["CHANGED"], again["REMOVED"], again["LACKING"]) == ("overwrite", "add", "remove")

    answer = post_bulk(
        alice, "apply", text, mode="replace", seen=seen_field(answer)
    )  # based on what the conflicts showed
    assert answer.status_code == 302
    assert set(variable_values(world)) == {
        ("", key) for key in ("CHANGED", "REMOVED", "ADDED", "SAME")
    }


def test_a_recreated_variable_is_a_conflict(world: World, alice: Client) -> None:
    first = set_variable(world, "A", "first")
    seen = seen_field(preview_bulk(alice, "A=mine"))
    remove_variable(world, first, by="mia")
    set_variable(world, "A", "another")  # has the same version number
    answer = post_bulk(alice, "apply", "A=mine", seen=seen)
    assert answer.status_code == 422
    assert variable_values(world) == {("", "A"): "another"}


def test_a_renamed_variable_is_not_written_under_its_old_name(world: World, alice: Client) -> None:
    row = set_variable(world, "OLD", "1")
    seen = seen_field(preview_bulk(alice, "OLD=2"))
    change_variable(world, row, "1", key="RENAMED", by="mia")
    assert post_bulk(alice, "apply", "OLD=2", seen=seen).status_code == 422
    assert variable_values(world) == {("", "RENAMED"): "1"}


def test_a_removed_base_leaves_its_overrides(world: World, alice: Client) -> None:
    set_variable(world, "A", "base")
    set_variable(world, "A", "over", world.dev)
    page = preview_bulk(alice, "{}", mode="replace")
    assert page.context["lines"][0]["overrides"] == ["dev"]
    assert "for their branches only: dev." in page.text
    assert apply_bulk(alice, "{}", mode="replace").status_code == 302
    assert variable_values(world) == {("dev", "A"): "over"}


def test_removing_a_base_with_its_override(world: World, alice: Client) -> None:
    set_variable(world, "A", "base")
    set_variable(world, "A", "over", world.dev)
    page = preview_bulk(alice, "{}", None, world.dev, mode="replace")
    assert [line["overrides"] for line in page.context["lines"]] == [[], []]
    assert apply_bulk(alice, "{}", None, world.dev, mode="replace").status_code == 302
    assert variable_values(world) == {}


def test_posting_twice(world: World, alice: Client) -> None:
    seen = seen_field(preview_bulk(alice, "A=1"))
    assert post_bulk(alice, "apply", "A=1", seen=seen).status_code == 302
    answer = post_bulk(alice, "apply", "A=1", seen=seen)
    assert (answer.status_code, answer["Location"]) == (302, BASE)
    assert variable_row(world, "A").version == 1


@pytest.mark.parametrize(
    "seen",
    [
        "",
        "{",
        "[]",
        "null",
        '{"scopes": [""], "mode": "merge"}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"": [1, true]}}}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"": [99999999999999999999, 1]}}}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"x": [1, 1]}}}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"": [1, 1, "value"]}}}',
        "[" * 100_000,
    ],
)
def test_an_invalid_seen_field_writes_nothing(world: World, alice: Client, seen: str) -> None:
    set_variable(world, "A", "theirs")
    answer = post_bulk(alice, "apply", "A=mine\nB=mine", seen=seen)
    assert answer.status_code == 200
    assert "Nothing was saved" in answer.text
    assert variable_values(world) == {("", "A"): "theirs"}


def test_a_seen_field_without_versions_overwrites_nothing(world: World, alice: Client) -> None:
    set_variable(world, "A", "theirs")
    seen = '{"scopes": [""], "mode": "merge", "versions": {}}'
    assert post_bulk(alice, "apply", "A=mine", seen=seen).status_code == 422
    assert variable_values(world) == {("", "A"): "theirs"}
