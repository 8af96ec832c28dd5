"""Who may write what: each row answers for itself, and a refusal is recorded."""

from collections.abc import Callable

import pytest
from django.http import Http404

from console.models import Branch
from secrets_app.writes.commands import SecretCommand
from tests.secrets_app.writes.desk import Desk

WRITERS = {
    # by whom: All branches, the protected main, dev
    "alice": ("saved", "saved", "saved"),
    "mia": ("saved", "saved", "saved"),
    "bob": ("denied", "denied", "saved"),
    "vera": ("denied", "denied", "denied"),
}


@pytest.mark.parametrize("who", WRITERS)
@pytest.mark.parametrize("act", ["create", "change", "remove"])
def test_it_works(desk: Desk, who: str, act: str) -> None:
    branches = (None, desk.world.main, desk.world.dev)
    acts: dict[str, Callable[[Branch | None], SecretCommand]] = {
        "create": lambda branch: desk.new("A", branch=branch),
        "change": lambda branch: desk.change(desk.put("A", branch=branch)),
        "remove": lambda branch: desk.removal(desk.put("A", branch=branch)),
    }
    changes = [acts[act](branch) for branch in branches]
    earlier = len(desk.trail())
    outcomes = desk.save(who, *changes)
    ends = tuple(str(outcome.outcome).replace("removed", "saved") for outcome in outcomes)
    assert ends == WRITERS[who]
    recorded = [(entry[0], entry[1], entry[4]) for entry in desk.trail()[earlier:]]
    assert sorted(recorded) == sorted(
        (who, f"secret.{act}", "succeeded" if end == "saved" else "denied") for end in ends
    )
    for outcome in outcomes:
        if outcome.outcome == "denied":
            assert outcome.message.startswith("Your role in this app")


@pytest.mark.parametrize("who", ["charlie", "oscar", "ivan", "olga"])
def test_an_outsider(desk: Desk, who: str) -> None:
    with pytest.raises(Http404):
        desk.save(who, desk.new("A"))
    assert desk.trail() == []
