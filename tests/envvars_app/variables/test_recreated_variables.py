"""A re-created variable starts at version 1 again and is another variable (guarantee 12)."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client

from envvars_app.variables.commands import SetVariable
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

MANAGE = "/apps/d1shop/hosting/environment-variables/manage/"
NEW = {"new-1-key": "A", "new-1-value": "mine", "new-1-branch": ""}


def remove_and_recreate(world: World) -> None:
    """Remove the variable as alice, and add one of the same name as mia."""
    remove_variable(world, variable_row(world, "A"))
    set_variable(world, "A", "mia's", by="mia")


def rename_and_recreate(world: World) -> None:
    """Rename the variable as alice, and add one of the old name as mia."""
    change_variable(world, variable_row(world, "A"), "alice's", key="B")
    set_variable(world, "A", "mia's", by="mia")


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("recreate", [remove_and_recreate, rename_and_recreate])
def test_it_works(world: World, recreate: Callable[[World], None]) -> None:
    set_variable(world, "A", "alice's")
    mine = new_variable("A", "mine")
    [first] = save_variables(world, mine)
    recreate(world)
    [second] = save_variables(
        world, replace(mine, expected_version=first.version, revision=first.revision)
    )
    assert (first.version, second.version, second.outcome) == (1, 1, "conflict")
    assert "mia@example.org added this variable now. It is now “mia's”." in second.message
    assert variable_values(world)["", "A"] == "mia's"
    [won] = save_variables(
        world, replace(mine, expected_version=second.version, revision=second.revision)
    )
    assert (won.outcome, won.version) == ("saved", 2)
    assert variable_values(world)["", "A"] == "mine"


@pytest.mark.parametrize("fragment", [False, True])
def test_overwriting_in_a_browser(
    world: World, client_for: Callable[[str], Client], fragment: bool
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    base = r'data-base="([^"]*)"' if fragment else r'name="new-1-base" value="([^"]*)"'
    alice, bases = client_for("alice"), [""]
    set_variable(world, "A", "alice's")
    for _ in range(2):
        answer = alice.post(MANAGE, {**NEW, "new-1-base": bases[-1]}, headers=headers)
        assert answer.status_code == 422
        bases += re.findall(base, answer.text)[:1]
        if len(bases) == 2:
            remove_and_recreate(world)
    assert "mia@example.org added this variable" in answer.text
    assert variable_values(world) == {("", "A"): "mia's"}
    answer = alice.post(MANAGE, {**NEW, "new-1-base": bases[-1]}, headers=headers)
    assert answer.status_code == (200 if fragment else 302)
    assert variable_values(world) == {("", "A"): "mine"}


def test_changing_the_removed_row(world: World) -> None:
    row = set_variable(world, "A", "alice's")
    remove_and_recreate(world)
    changed, removed = save_variables(
        world, changed_variable(row, "mine"), replace(removed_variable(row), token="other")
    )
    assert (changed.outcome, removed.outcome) == (
        "conflict",
        "removed",
    )  # already removed
    assert variable_values(world) == {("", "A"): "mia's"}


@pytest.mark.parametrize(
    "base", ["1", "2", "-1", "x", "1:", "1:x", "1:0", "1:1:1", "9" * 40, f"1:{'9' * 18}", "\0"]
)
def test_an_invalid_base(world: World, client_for: Callable[[str], Client], base: str) -> None:
    set_variable(world, "A", "alice's")
    answer = client_for("mia").post(MANAGE, {**NEW, "new-1-base": base})
    assert answer.status_code == 422
    assert "alice@example.org added this variable" in answer.text
    assert variable_values(world) == {("", "A"): "alice's"}


def test_a_base_of_another_app(world: World, client_for: Callable[[str], Client]) -> None:
    theirs = world.app.variables.model.objects.create(
        app=world.other_app, key="A", value="1", changed_at="2026-01-01T00:00Z"
    )
    set_variable(world, "A", "alice's")
    for post in (
        {**NEW, "new-1-base": f"1:{theirs.pk}"},
        {f"value-{theirs.pk}": "mine", f"base-{theirs.pk}": f"1:{theirs.pk}"},
    ):
        assert client_for("alice").post(MANAGE, post).status_code == 422
    theirs.refresh_from_db()
    assert (theirs.value, variable_values(world)) == ("1", {("", "A"): "alice's"})


def test_a_version_without_a_revision(world: World) -> None:
    set_variable(world, "A", "alice's")
    [done] = save_variables(
        world, SetVariable("command", key="A", value="mine", expected_version=1), by="mia"
    )
    assert done.outcome == "saved"
