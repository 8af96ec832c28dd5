"""Undo asks for what the acts ask for that it repeats (guarantee 51)."""

import uuid
from collections.abc import Callable

import pytest
from django.http import Http404
from django.test import Client
from django.urls import reverse

from console.access import acts
from console.access.actions import Action
from console.access.acts import Asks, ConfirmationRequired, Rule
from console.access.policy import Permission, find_app
from console.models import AuditEvent
from console.workflows import change_sets
from console.workflows.undoing import undo
from tests.console.workflows.test_undo import found, last_set, results
from tests.factories import (
    audit_rows,
    save_secrets,
    secret_row,
    set_command,
    set_secret,
    stored_values,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls


@pytest.mark.parametrize(
    ("person", "expected"), [("bob", ["denied", "saved"]), ("mia", ["saved"] * 2)]
)
def test_it_works(world: World, store_calls: StoreCalls, person: str, expected: list[str]) -> None:
    """Each change needs what the act that it repeats needs."""
    set_secret(world, "KEY", "old", world.main)
    set_secret(world, "KEY", "old", world.dev)
    branches = world.main, world.dev
    save_secrets(world, *(set_command(secret_row(world, "KEY", it), "new") for it in branches))
    saved = last_set()
    assert sorted(results(world, saved, by=person)) == expected
    assert (stored_values(world, "KEY", world.main)[0] == "new") == (person == "bob")
    if person == "bob":
        assert ("bob", "secret.restore_version", "KEY", None, "denied", None) in audit_rows(world)


def test_viewer(world: World, client_for: Callable[[str], Client]) -> None:
    set_secret(world, "KEY", "old")
    address = reverse("change_set", args=[world.app.app_id, last_set()])
    client = client_for("vera")
    assert b"Undo 1 change" not in client.get(address).content
    assert client.post(address).status_code == 403
    event = AuditEvent.objects.filter(action=Action.CHANGES_UNDONE).get()
    assert event.outcomes.get().outcome == "denied"


def test_reauthentication_of_the_acts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule(Permission.WRITE, Asks("restore a version"))
    set_secret(world, "KEY", "old")
    save_secrets(world, set_command(secret_row(world, "KEY"), "new"))
    monkeypatch.setitem(acts.RULES, Action.VERSION_RESTORED, rule)
    access = find_app(world.old_actor("alice"), world.app.app_id)
    pk = last_set()
    tokens = [row.token for row in change_sets.find(access, pk).ready]
    with pytest.raises(ConfirmationRequired):
        undo(access, pk, tokens, uuid.uuid4(), may_go_on=lambda: True)
    assert stored_values(world, "KEY")[0] == "new"


def test_people_who_left_know_the_value(world: World) -> None:
    set_secret(world, "KEY", "old", by="mia")
    world.app.members.get(user=world.person("mia")).delete()
    save_secrets(world, set_command(secret_row(world, "KEY"), "rotated"))
    saved = last_set()
    [row] = found(world, saved).ready
    assert row.known_to == ["mia@example.org"]


def test_another_app(world: World) -> None:
    set_secret(world, "KEY", "old")
    access = find_app(world.actor("oscar"), world.other_app.app_id)
    with pytest.raises(Http404):
        change_sets.find(access, last_set())
