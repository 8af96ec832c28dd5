"""Roles decide who may write where, row by row; a denied write is audited."""

from collections.abc import Callable

import pytest
from django.http import Http404

from console.models import Branch
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    save_secrets,
    set_command,
    set_secret,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.sqlite

WRITERS = {
    # person: outcomes on All branches, on the protected main, on dev
    "alice": ("saved", "saved", "saved"),
    "mia": ("saved", "saved", "saved"),
    "bob": ("denied", "denied", "saved"),
    "vera": ("denied", "denied", "denied"),
}


@pytest.mark.parametrize("person", WRITERS)
@pytest.mark.parametrize("act", ["create", "change", "remove"])
def test_it_works(world: World, person: str, act: str) -> None:
    branches = (None, world.main, world.dev)
    acts: dict[str, Callable[[Branch | None], SecretCommand]] = {
        "create": lambda branch: create_command("A", branch=branch),
        "change": lambda branch: set_command(set_secret(world, "A", branch=branch)),
        "remove": lambda branch: delete_command(set_secret(world, "A", branch=branch)),
    }
    changes = [acts[act](branch) for branch in branches]
    earlier = len(audit_rows(world))
    outcomes = save_secrets(world, *changes, by=person)
    ends = tuple(str(outcome.outcome).replace("removed", "saved") for outcome in outcomes)
    assert ends == WRITERS[person]
    recorded = [(entry.actor, entry.action, entry.outcome) for entry in audit_rows(world)[earlier:]]
    assert sorted(recorded) == sorted(
        (person, f"secret.{act}", "succeeded" if end == "saved" else "denied") for end in ends
    )
    for outcome in outcomes:
        if outcome.outcome == "denied":
            assert outcome.message.startswith("Your role in this app")


@pytest.mark.parametrize("person", ["charlie", "oscar", "ivan", "olga"])
def test_outsiders(world: World, person: str) -> None:
    with pytest.raises(Http404):
        save_secrets(world, create_command("A"), by=person)
    assert audit_rows(world) == []
