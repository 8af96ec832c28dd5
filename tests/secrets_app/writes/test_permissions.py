"""Who may write what: each row answers for itself, and a refusal is recorded."""

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

WRITERS = {
    # by whom: All branches, the protected main, dev
    "alice": ("saved", "saved", "saved"),
    "mia": ("saved", "saved", "saved"),
    "bob": ("denied", "denied", "saved"),
    "vera": ("denied", "denied", "denied"),
}


@pytest.mark.parametrize("who", WRITERS)
@pytest.mark.parametrize("act", ["create", "change", "remove"])
def test_it_works(world: World, who: str, act: str) -> None:
    branches = (None, world.main, world.dev)
    acts: dict[str, Callable[[Branch | None], SecretCommand]] = {
        "create": lambda branch: create_command("A", branch=branch),
        "change": lambda branch: set_command(set_secret(world, "A", branch=branch)),
        "remove": lambda branch: delete_command(set_secret(world, "A", branch=branch)),
    }
    changes = [acts[act](branch) for branch in branches]
    earlier = len(audit_rows(world))
    outcomes = save_secrets(world, *changes, by=who)
    ends = tuple(str(outcome.outcome).replace("removed", "saved") for outcome in outcomes)
    assert ends == WRITERS[who]
    recorded = [(entry[0], entry[1], entry[4]) for entry in audit_rows(world)[earlier:]]
    assert sorted(recorded) == sorted(
        (who, f"secret.{act}", "succeeded" if end == "saved" else "denied") for end in ends
    )
    for outcome in outcomes:
        if outcome.outcome == "denied":
            assert outcome.message.startswith("Your role in this app")


@pytest.mark.parametrize("who", ["charlie", "oscar", "ivan", "olga"])
def test_an_outsider(world: World, who: str) -> None:
    with pytest.raises(Http404):
        save_secrets(world, create_command("A"), by=who)
    assert audit_rows(world) == []
