"""Undo of removals: what was removed comes back from the recycle bin (guarantee 51)."""

import uuid
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from secrets_app.models import BinEntry
from secrets_app.writes import save
from tests.console.workflows.test_undo import found, last_set, last_set_of, results, rows
from tests.factories import (
    audit_rows,
    delete_command,
    delete_secret,
    secret_row,
    set_command,
    set_secret,
    set_variable,
    stored_values,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls


def test_it_works(either_store: str, world: World, store_calls: StoreCalls) -> None:
    """A removed secret comes back from the recycle bin, and can be removed and restored again."""
    set_secret(world, "KEY", "first", world.main)
    set_secret(world, "KEY", "second", world.main)
    delete_secret(world, "KEY", world.main)
    assert rows(world, last_set()) == [("KEY", "ready", "Added again")]
    values = []
    for _ in range(4):
        assert results(world, last_set_of("KEY"))[0] in {"saved", "removed"}
        values.append(stored_values(world, "KEY", world.main))
    assert values == [("second", "second"), (None, None)] * 2
    assert {row.version_after for row in audit_rows(world, "secret.create")} == {1}


def test_removal_that_left_the_recycle_bin(world: World) -> None:
    set_secret(world, "KEY", "old")
    delete_secret(world, "KEY")
    BinEntry.objects.update(expires_at=timezone.now())
    assert rows(world, last_set()) == [("KEY", "impossible", "Stays removed")]
    assert results(world, last_set()) == ["refused"]


def test_removal_of_a_branch(world: World, client_for: Callable[[str], Client]) -> None:
    """Deleting a branch is one change set. Its values can't come back without it."""
    secret = set_secret(world, "SECRET", "old", world.dev)
    variable = set_variable(world, "VARIABLE", "old", world.dev)
    address = reverse("branch_delete", args=["d1shop", world.dev.pk])
    tokens = [f"{secret.pk}:{secret.base}", f"variable-{variable.pk}:1"]
    page = client_for("alice").get(address)
    posted = {"change_set": page.context["change_set"], "remove": tokens}
    client_for("alice").post(address, posted)
    saved = last_set_of("SECRET")
    assert saved == last_set_of("VARIABLE")
    assert sorted(rows(world, saved)) == [
        ("SECRET", "impossible", "Stays removed"),
        ("VARIABLE", "impossible", "Stays as it is"),
    ]
    assert {it.undo.message for it in found(world, saved).changes if it.undo} == {
        "Its branch was deleted. The recycle bin can restore it to another branch"
    }


def test_changed_and_removed_at_once(world: World) -> None:
    """The recycle bin has the changed value, which is not the one from before."""
    set_secret(world, "KEY", "one")
    change_set = uuid.uuid4()
    for number in range(2):
        row = secret_row(world, "KEY")
        save.save(
            actor=world.actor("alice"),
            app_id=world.app.app_id,
            commands=[delete_command(row) if number else set_command(row, "two")],
            change_set=change_set,
        )
    assert rows(world, change_set) == [("KEY", "impossible", "Stays removed")]


def test_no_recycle_bin(world: World, settings: Any) -> None:
    """What could not come back is not removed."""
    set_secret(world, "KEY")
    secret_set = last_set()
    set_variable(world, "VARIABLE")
    settings.BIN_DAYS = 0
    assert [row[1] for row in rows(world, secret_set)] == ["impossible"]
    assert [row[1] for row in rows(world, last_set())] == ["impossible"]
