"""Putting a mirror right, also where nobody hears how that ends."""

from collections.abc import Callable
from typing import Any

import pytest

from secrets_app.models import Secret
from secrets_app.store.errors import Conflict, OutcomeUnknown
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Killed, killed, lost


def test_it_works(desk: Desk) -> None:
    row = _behind(desk)
    assert desk.shown("API_KEY", desk.world.main).mirror == "behind"
    _repair(desk, row)
    assert desk.shown("API_KEY", desk.world.main).mirror == ""
    desk.check()
    assert desk.shown("API_KEY", desk.world.main).mirror == ""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("end", [lost, killed], ids=["lost", "killed"])
def test_the_end_is_not_known(
    desk: Desk, interrupted: Any, when: str, end: Callable[[], None]
) -> None:
    row = _behind(desk)
    found = desk.trail("found.")
    getattr(interrupted, when)("put", end)
    with pytest.raises((OutcomeUnknown, Killed)):
        _repair(desk, row)
    desk.expire_claims()
    desk.check()
    assert desk.outcomes() == (["unknown", "settled"] if end is lost else ["settled"])
    assert desk.trail("found.") == found
    assert desk.shown("API_KEY", desk.world.main).mirror == "behind"  # till it is compared
    _repair(desk, row)
    assert desk.shown("API_KEY", desk.world.main).mirror == ""


def test_somebody_is_saving(desk: Desk, interrupted: Any) -> None:
    row = _behind(desk)
    problems: list[Conflict] = []

    def repair() -> None:
        with pytest.raises(Conflict) as conflict:
            _repair(desk, row)
        problems.append(conflict.value)

    interrupted.before("put", repair)
    desk.save("alice", desk.change(row))
    assert "is saving this secret" in problems[0].message


@pytest.mark.parametrize("lost_answer", [False, True])
def test_the_mirror_stands_alone(desk: Desk, interrupted: Any, lost_answer: bool) -> None:
    row = desk.known("API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main)[:1])
    desk.check()
    if lost_answer:
        interrupted.after("put", lost)
        with pytest.raises(OutcomeUnknown):
            _repair(desk, row)
        desk.check()
    _repair(desk, row)
    assert desk.values("API_KEY", desk.world.main) == ("first", "first")
    shown = desk.shown("API_KEY", desk.world.main)
    assert (shown.version, shown.mirror, shown.state) == (1, "", "")


def test_the_mirror_alone_was_added_again(desk: Desk) -> None:
    row = desk.known("API_KEY", desk.world.main)
    paths = desk.paths("API_KEY", desk.world.main)
    desk.store.remove(paths)
    desk.check()
    desk.outside(paths[1])
    desk.check()
    _repair(desk, row)
    assert desk.shown("API_KEY", desk.world.main).state == ""


def _behind(desk: Desk) -> Secret:
    row = desk.known("API_KEY", desk.world.main)
    desk.outside(desk.paths("API_KEY", desk.world.main)[1])
    desk.check()
    return row


def _repair(desk: Desk, row: Secret) -> str:
    return desk.repair("mia", row)
