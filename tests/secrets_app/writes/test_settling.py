"""Attempts with an unknown outcome are settled correctly (guarantee 8)."""

from collections.abc import Callable
from typing import Any

import pytest

from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.writes.commands import SecretCommand
from tests.secrets_app.writes.agreement import at_peace
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Killed, denied, killed, lost

ACTS: dict[str, tuple[str, Callable[[Desk, Secret], SecretCommand], int | None]] = {
    "create": ("put", lambda desk, row: desk.new("OTHER", branch=desk.world.main), 1),
    "change": ("put", lambda desk, row: desk.change(row), 2),
    "remove": ("remove", lambda desk, row: desk.removal(row), None),
}
acts = pytest.mark.parametrize("act", ACTS)
ends = pytest.mark.parametrize("end", [lost, killed], ids=["lost", "killed"])


def _run(desk: Desk, row: Secret, act: str) -> None:
    try:
        [outcome] = desk.save("mia", ACTS[act][1](desk, row))
    except Killed:
        desk.expire_claims()
    else:
        assert outcome.outcome == "unknown"
        assert "outcome of this change is unknown" in outcome.message


@pytest.mark.usefixtures("either_store")
@acts
@ends
def test_it_works_where_the_store_did_it(
    desk: Desk, interrupted: Any, act: str, end: Callable[[], None]
) -> None:
    row = desk.known("API_KEY", desk.world.main)
    operation, _, version = ACTS[act]
    interrupted.after(operation, end)
    _run(desk, row, act)
    key = "OTHER" if act == "create" else "API_KEY"
    assert desk.shown(key, desk.world.main).state == "unknown"
    desk.check()
    mias = ("mia", f"secret.{act}", key, 0 if act == "create" else 1, "settled", version)
    assert desk.trail()[1:] == [mias]
    at_peace(desk, key, version)


@pytest.mark.usefixtures("either_store")
@acts
@ends
def test_it_works_where_the_store_did_not(
    desk: Desk, interrupted: Any, act: str, end: Callable[[], None]
) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.before(ACTS[act][0], end)
    _run(desk, row, act)
    desk.check()
    assert [entry[4] for entry in desk.trail()[1:]] == ["settled"]
    event = AuditEvent.objects.filter(actor__startswith="mia").get()
    assert "nothing was changed" in event.outcomes.last().detail
    key = "OTHER" if act == "create" else "API_KEY"
    at_peace(desk, key, None if act == "create" else 1)


@pytest.mark.parametrize("act", ["create", "change"])
def test_killed_after_the_mirror_was_written(desk: Desk, interrupted: Any, act: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.after("put", lambda: interrupted.after("put", killed))
    _run(desk, row, act)
    desk.check()
    key = "OTHER" if act == "create" else "API_KEY"
    at_peace(desk, key, ACTS[act][2])
    assert desk.trail("found.") == []
    assert desk.shown(key, desk.world.main).mirror == "behind"  # both written; nobody knows


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_mirrors_answer_is_lost(desk: Desk, interrupted: Any, when: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    plan = getattr(interrupted, when)
    interrupted.after("put", lambda: plan("put", lost))
    [outcome] = desk.save("mia", desk.change(row))
    assert outcome.outcome == "saved"
    assert "the response for its mirror at the documented path was lost" in outcome.message
    assert desk.shown("API_KEY", desk.world.main).mirror == "behind"
    desk.check()
    at_peace(desk, "API_KEY", 2)
    assert desk.trail("found.") == []
    assert desk.trail()[-1] == ("mia", "secret.change", "API_KEY", 1, "succeeded", 2)
    desk.repair("mia", row)
    assert desk.shown("API_KEY", desk.world.main).mirror == ""


@pytest.mark.parametrize("act", ["create", "change"])
@pytest.mark.parametrize("end", [lost, killed], ids=["lost", "killed"])
def test_the_next_save_over_a_mirror_that_we_may_have_written(
    desk: Desk, interrupted: Any, act: str, end: Callable[[], None]
) -> None:
    row = desk.known("API_KEY", desk.world.main)
    key = "OTHER" if act == "create" else "API_KEY"
    version = ACTS[act][2] or 0
    interrupted.after("put", lambda: interrupted.after("put", end))
    try:
        desk.save("mia", ACTS[act][1](desk, row))
    except Killed:
        desk.expire_claims()
    [saved] = desk.save("mia", desk.new(key, "again", desk.world.main, version))
    assert (saved.outcome, saved.message) == ("saved", "")
    assert desk.values(key, desk.world.main) == ("again", "again")
    desk.check()
    at_peace(desk, key, version + 1)
    assert desk.trail("found.") == []
    assert desk.shown(key, desk.world.main).mirror == ""


@acts
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_save_settles_too(desk: Desk, interrupted: Any, act: str, when: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    operation, change, version = ACTS[act]
    getattr(interrupted, when)(operation, lost)
    _run(desk, row, act)
    key = "OTHER" if act == "create" else "API_KEY"
    [again] = desk.save("alice", change(desk, row))
    if when == "after" and act != "remove":
        assert (again.outcome, again.version) == ("conflict", version)
        assert again.message.startswith("mia@example.org ")
        mine = desk.new(key, "mine", desk.world.main, version or 0)
        [again] = desk.save("alice", mine)
    assert again.outcome in {"saved", "removed"}
    assert desk.trail()[1][4] == "settled"
    assert desk.trail()[2][4] == "succeeded"
    desk.check()
    assert desk.trail("found.") == []
    at_peace(desk, key, desk.trail()[2][5])


def test_a_removal_that_was_lost_and_a_creation_that_fails(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.after("remove", lost)
    _run(desk, row, "remove")
    interrupted.before("put", denied)
    [failed] = desk.save("alice", desk.change(row, base=0))
    assert failed.outcome == "failed"
    assert desk.rows() == {}
    desk.check()
    assert desk.trail("found.") == []


def test_a_creation_that_fails_leaves_no_row(desk: Desk, interrupted: Any) -> None:
    interrupted.before("put", denied)
    [failed] = desk.save("alice", desk.new("API_KEY"))
    assert (failed.outcome, desk.rows()) == ("failed", {})
    assert desk.outcomes() == ["failed"]


def test_a_creation_that_fails_on_a_gone_row_leaves_it_gone(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main))
    desk.check()
    interrupted.before("put", denied)
    desk.save("alice", desk.change(row, base=0))
    assert desk.shown("API_KEY", desk.world.main).state == "gone"


def test_somebody_outside_removed_what_may_have_been_written(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.after("put", lost)
    _run(desk, row, "change")
    desk.store.remove(desk.paths("API_KEY", desk.world.main))
    desk.check()
    assert desk.trail()[1:] == [
        ("mia", "secret.change", "API_KEY", 1, "settled", None),
        ("Someone outside Branchkeep", "found.remove", "API_KEY", 1, "succeeded", None),
    ]
    assert desk.shown("API_KEY", desk.world.main).state == "gone"


def test_somebody_outside_wrote_what_may_have_been_removed(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.before("remove", lost)
    _run(desk, row, "remove")
    desk.outside(desk.paths("API_KEY", desk.world.main)[0])
    desk.check()
    assert [entry[1:] for entry in desk.trail()[1:]] == [
        ("secret.remove", "API_KEY", 1, "settled", 2),
        ("found.change", "API_KEY", 1, "succeeded", 2),
    ]
    assert desk.row("API_KEY", desk.world.main).changed_by == ""
