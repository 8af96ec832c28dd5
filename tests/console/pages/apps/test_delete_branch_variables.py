"""Deleting a branch offers its variables as it offers its secrets."""

import pytest
from django.test import Client

from tests.console.pages.apps.test_delete_branch import tokens, url
from tests.factories import (
    audit_events,
    change_variable,
    last_event_id,
    messages_of,
    set_secret,
    set_variable,
)
from tests.fixtures.people import World


def test_it_works(alice: Client, world: World) -> None:
    set_secret(world, "API_KEY", branch=world.dev)
    for key in ("A_URL", "B_URL"):
        set_variable(world, key, "https://example.org", world.dev)
    set_variable(world, "SHARED", "for all")
    page = alice.get(url(world.dev))
    assert [value.key for value in page.context["variables"]] == ["A_URL", "B_URL"]
    assert "1 secret of this branch" in " ".join(page.text.split())
    assert "2 variables of this branch" in " ".join(page.text.split())
    response = alice.post(url(world.dev), follow=True)
    assert messages_of(response) == [
        "Deleted the branch dev. 1 of its secrets stay in the parameter store and 2 of its "
        "variables stay in Branchkeep. Lists mark them as “Deleted branch”."
    ]
    assert world.dev.variables.filter(removed_at=None).count() == 2


def test_selected_variables_are_removed(alice: Client, world: World) -> None:
    for key in ("A_URL", "B_URL"):
        set_variable(world, key, "https://example.org", world.dev)
    since = last_event_id()
    chosen = tokens(alice.get(url(world.dev)))[:1]
    response = alice.post(url(world.dev), {"remove": chosen}, follow=True)
    assert "1 of its variables stay in Branchkeep" in response.text
    assert [row.key for row in world.dev.variables.filter(removed_at=None)] == ["B_URL"]
    assert [(it.action, it.subject) for it in audit_events(since)] == [
        ("variable.remove", "A_URL"),
        ("branch.delete", ""),
    ]


def test_a_changed_variable_is_not_removed(alice: Client, world: World) -> None:
    row = set_variable(world, "A_URL", "https://example.org", world.dev)
    shown = tokens(alice.get(url(world.dev)))
    change_variable(world, row, "https://new.example.org")
    response = alice.post(url(world.dev), {"remove": shown})
    assert response.status_code == 422
    assert "alice@example.org changed this variable" in response.text
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is None


@pytest.mark.parametrize("foreign", ["variable-{}:1", "{}:1"])
def test_variables_elsewhere_are_ignored(alice: Client, world: World, foreign: str) -> None:
    row = set_variable(world, "A_URL", "https://example.org", world.main)
    alice.post(url(world.dev), {"remove": foreign.format(row.pk)})
    row.refresh_from_db()
    assert row.removed_at is None
