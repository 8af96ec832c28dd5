"""Attempts whose end nobody heard of are settled, and settled right (promise 8)."""

from collections.abc import Callable
from typing import Any

import pytest

from console.models import AuditEvent
from secrets_app.changes import Change
from secrets_app.models import Secret
from secrets_app.store.errors import Conflict, OutcomeUnknown
from tests.services.desk import Desk

MAIN = ("main", "API_KEY")


class Killed(BaseException):
    """The process ends here: nothing below the store's call is run any more."""


def lost() -> None:
    """Lose the store's answer."""
    raise OutcomeUnknown(code="ReadTimeoutError")


def killed() -> None:
    """Kill the process."""
    raise Killed


ACTS: dict[str, tuple[str, Callable[[Desk, Secret], Change], int | None]] = {
    "create": ("put", lambda desk, row: desk.new("OTHER", branch=desk.world.main), 1),
    "change": ("put", lambda desk, row: desk.change(row), 2),
    "remove": ("remove", lambda desk, row: desk.removal(row), None),
}
acts = pytest.mark.parametrize("act", ACTS)
ends = pytest.mark.parametrize("end", [lost, killed], ids=["lost", "killed"])
settlers = pytest.mark.parametrize("settler", ["check", "save"])


def _run(desk: Desk, row: Secret, act: str) -> None:
    try:
        [outcome] = desk.save("mia", ACTS[act][1](desk, row))
    except Killed:
        desk.expire_claims()
    else:
        assert outcome.outcome == "unknown"
        assert "may or may not" in outcome.message


def _known(desk: Desk) -> Secret:
    desk.put("API_KEY", branch=desk.world.main)
    desk.check()
    return desk.row("API_KEY", desk.world.main)


@pytest.mark.usefixtures("either_store")
@acts
@ends
def test_it_works_where_the_store_did_it(
    desk: Desk, interrupted: Any, act: str, end: Callable[[], None]
) -> None:
    row = _known(desk)
    operation, _, version = ACTS[act]
    interrupted.after(operation, end)
    _run(desk, row, act)
    key = "OTHER" if act == "create" else "API_KEY"
    assert desk.shown(key, desk.world.main)["state"] == "unknown"
    desk.check()
    mias = ("mia", f"secret.{act}", key, 0 if act == "create" else 1, "settled", version)
    assert desk.trail()[1:] == [mias]
    _agreed(desk, key, version)


@pytest.mark.usefixtures("either_store")
@acts
@ends
def test_it_works_where_the_store_did_not(
    desk: Desk, interrupted: Any, act: str, end: Callable[[], None]
) -> None:
    row = _known(desk)
    interrupted.before(ACTS[act][0], end)
    _run(desk, row, act)
    desk.check()
    assert [entry[4] for entry in desk.trail()[1:]] == ["settled"]
    event = AuditEvent.objects.filter(actor__startswith="mia").get()
    assert "nothing was changed" in event.outcomes.last().detail
    key = "OTHER" if act == "create" else "API_KEY"
    _agreed(desk, key, None if act == "create" else 1)


@pytest.mark.parametrize("act", ["create", "change"])
def test_killed_after_the_mirror_was_written(desk: Desk, interrupted: Any, act: str) -> None:
    row = _known(desk)
    interrupted.after("put", lambda: interrupted.after("put", killed))
    _run(desk, row, act)
    desk.check()
    key = "OTHER" if act == "create" else "API_KEY"
    _agreed(desk, key, ACTS[act][2])
    assert desk.trail("found.") == []
    assert desk.shown(key, desk.world.main)["mirror"] == "behind"  # both written; nobody knows


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_mirrors_answer_is_lost(desk: Desk, interrupted: Any, when: str) -> None:
    row = _known(desk)
    plan = getattr(interrupted, when)
    interrupted.after("put", lambda: plan("put", lost))
    [outcome] = desk.save("mia", desk.change(row))
    assert outcome.outcome == "saved"
    assert "the answer for its mirror at the documented path was lost" in outcome.message
    assert desk.shown("API_KEY", desk.world.main)["mirror"] == "behind"
    desk.check()
    _agreed(desk, "API_KEY", 2)
    assert desk.trail("found.") == []
    assert desk.trail()[-1] == ("mia", "secret.change", "API_KEY", 1, "succeeded", 2)
    desk.repair("mia", row)
    assert desk.shown("API_KEY", desk.world.main)["mirror"] == ""


@pytest.mark.parametrize("act", ["create", "change"])
@pytest.mark.parametrize("end", [lost, killed], ids=["lost", "killed"])
def test_the_next_save_over_a_mirror_that_we_may_have_written(
    desk: Desk, interrupted: Any, act: str, end: Callable[[], None]
) -> None:
    row = _known(desk)
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
    _agreed(desk, key, version + 1)
    assert desk.trail("found.") == []
    assert desk.shown(key, desk.world.main)["mirror"] == ""


@acts
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_save_settles_too(desk: Desk, interrupted: Any, act: str, when: str) -> None:
    row = _known(desk)
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
    _agreed(desk, key, desk.trail()[2][5])


def test_a_removal_that_was_lost_and_a_creation_that_fails(desk: Desk, interrupted: Any) -> None:
    row = _known(desk)
    interrupted.after("remove", lost)
    _run(desk, row, "remove")
    interrupted.before("put", _denied)
    [failed] = desk.save("alice", desk.change(row, base=0))
    assert failed.outcome == "failed"
    assert desk.rows() == {}
    desk.check()
    assert desk.trail("found.") == []


def test_a_creation_that_fails_leaves_no_row(desk: Desk, interrupted: Any) -> None:
    interrupted.before("put", _denied)
    [failed] = desk.save("alice", desk.new("API_KEY"))
    assert (failed.outcome, desk.rows()) == ("failed", {})
    assert desk.outcomes() == ["failed"]


def test_a_creation_that_fails_on_a_gone_row_leaves_it_gone(desk: Desk, interrupted: Any) -> None:
    row = _known(desk)
    desk.store.remove(desk.paths("API_KEY", desk.world.main))
    desk.check()
    interrupted.before("put", _denied)
    desk.save("alice", desk.change(row, base=0))
    assert desk.shown("API_KEY", desk.world.main)["state"] == "gone"


def test_somebody_outside_removed_what_may_have_been_written(desk: Desk, interrupted: Any) -> None:
    row = _known(desk)
    interrupted.after("put", lost)
    _run(desk, row, "change")
    desk.store.remove(desk.paths("API_KEY", desk.world.main))
    desk.check()
    assert desk.trail()[1:] == [
        ("mia", "secret.change", "API_KEY", 1, "settled", None),
        ("Someone outside the console", "found.remove", "API_KEY", 1, "succeeded", None),
    ]
    assert desk.shown("API_KEY", desk.world.main)["state"] == "gone"


def test_somebody_outside_wrote_what_may_have_been_removed(desk: Desk, interrupted: Any) -> None:
    row = _known(desk)
    interrupted.before("remove", lost)
    _run(desk, row, "remove")
    desk.outside(desk.paths("API_KEY", desk.world.main)[0])
    desk.check()
    assert [entry[1:] for entry in desk.trail()[1:]] == [
        ("secret.remove", "API_KEY", 1, "settled", 2),
        ("found.change", "API_KEY", 1, "succeeded", 2),
    ]
    assert desk.row("API_KEY", desk.world.main).changed_by == ""


class TestSlowWriter:
    """His claim has run out, and he is not dead."""

    def test_it_works(self, desk: Desk, interrupted: Any) -> None:
        row = _known(desk)
        interrupted.before("put", lambda: (desk.expire_claims(), desk.check()))
        [outcome] = desk.save("mia", desk.change(row))
        assert (outcome.outcome, outcome.version) == ("saved", 2)
        assert desk.outcomes() == ["settled", "succeeded"]
        assert desk.row("API_KEY", desk.world.main).changed_by == "mia@example.org"
        _agreed(desk, "API_KEY", 2)
        assert desk.trail("found.") == []

    @pytest.mark.parametrize("operation", ["put", "remove"])
    def test_settled_while_the_answer_is_under_way(
        self, desk: Desk, interrupted: Any, operation: str
    ) -> None:
        row = _known(desk)
        interrupted.after(operation, lambda: (desk.expire_claims(), desk.check()))
        desk.save("mia", desk.change(row) if operation == "put" else desk.removal(row))
        assert desk.outcomes() == ["settled", "succeeded"]
        _agreed(desk, "API_KEY", 2 if operation == "put" else None)
        assert desk.trail("found.") == []

    def test_somebody_wrote_meanwhile_and_he_comes_last(self, desk: Desk, interrupted: Any) -> None:
        row = _known(desk)
        interrupted.before("put", lambda: self._take_over(desk, row))
        [outcome] = desk.save("mia", desk.change(row, "mia's"))
        assert (outcome.outcome, outcome.version) == ("saved", 3)
        assert "at the same moment" in outcome.message
        row = desk.row("API_KEY", desk.world.main)
        assert (row.version, row.changed_by) == (3, "mia@example.org")
        _agreed(desk, "API_KEY", 3)
        assert [entry[0] for entry in desk.trail("secret.")] == ["alice", "mia", "alice"]
        assert desk.trail("found.") == []

    def test_somebody_wrote_after_him_before_he_knew(self, desk: Desk, interrupted: Any) -> None:
        row = _known(desk)
        later = desk.change(row, "alice's", base=2)
        interrupted.after("put", lambda: (desk.expire_claims(), desk.save("alice", later)))
        [outcome] = desk.save("mia", desk.change(row, "mia's"))
        assert outcome.outcome == "saved"
        row = desk.row("API_KEY", desk.world.main)
        assert (row.version, row.changed_by) == (3, "alice@example.org")
        desk.check()
        assert desk.row("API_KEY", desk.world.main).version == 3
        mias = [entry for entry in desk.trail("secret.") if entry[0] == "mia"]
        assert mias == [("mia", "secret.change", "API_KEY", 1, "succeeded", 2)]

    def test_his_answer_is_lost_and_it_was_settled_before(
        self, desk: Desk, interrupted: Any
    ) -> None:
        row = _known(desk)
        interrupted.before("put", lambda: (desk.expire_claims(), desk.check(), lost()))
        [outcome] = desk.save("mia", desk.change(row))
        assert outcome.outcome == "unknown"
        assert desk.outcomes() == ["settled", "settled"]  # none is left that nobody would settle
        _agreed(desk, "API_KEY", 1)

    def test_his_failure_takes_nobodys_claim(self, desk: Desk, interrupted: Any) -> None:
        row = _known(desk)
        interrupted.before("put", lambda: (self._take_over(desk, row), _denied()))
        [outcome] = desk.save("mia", desk.change(row))
        assert outcome.outcome == "failed"
        row = desk.row("API_KEY", desk.world.main)
        assert (row.version, row.changed_by) == (2, "alice@example.org")

    def test_his_removal_leaves_what_was_written_since(self, desk: Desk, interrupted: Any) -> None:
        row = _known(desk)
        anew = desk.new("API_KEY", "alice's", desk.world.main)
        interrupted.after("remove", lambda: (desk.expire_claims(), desk.save("alice", anew)))
        desk.save("mia", desk.removal(row))
        assert desk.row("API_KEY", desk.world.main).changed_by == "alice@example.org"
        _agreed(desk, "API_KEY", 1)

    def _take_over(self, desk: Desk, row: Secret) -> None:
        desk.expire_claims()
        [outcome] = desk.save("alice", desk.change(row, "alice's"))
        assert outcome.outcome == "saved"


class TestMirror:
    """A repair whose answer is lost."""

    def test_it_works(self, desk: Desk) -> None:
        row = self._behind(desk)
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == "behind"
        self._repair(desk, row)
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == ""
        desk.check()
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == ""

    @pytest.mark.parametrize("when", ["before", "after"])
    @ends
    def test_the_end_is_not_known(
        self, desk: Desk, interrupted: Any, when: str, end: Callable[[], None]
    ) -> None:
        row = self._behind(desk)
        found = desk.trail("found.")
        getattr(interrupted, when)("put", end)
        with pytest.raises((OutcomeUnknown, Killed)):
            self._repair(desk, row)
        desk.expire_claims()
        desk.check()
        assert desk.outcomes() == (["unknown", "settled"] if end is lost else ["settled"])
        assert desk.trail("found.") == found
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == "behind"  # till it is compared
        self._repair(desk, row)
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == ""

    def test_somebody_is_saving(self, desk: Desk, interrupted: Any) -> None:
        row = self._behind(desk)
        problems: list[Conflict] = []

        def repair() -> None:
            with pytest.raises(Conflict) as conflict:
                self._repair(desk, row)
            problems.append(conflict.value)

        interrupted.before("put", repair)
        desk.save("alice", desk.change(row))
        assert "is saving this secret" in problems[0].sentence

    @pytest.mark.parametrize("lost_answer", [False, True])
    def test_the_mirror_stands_alone(self, desk: Desk, interrupted: Any, lost_answer: bool) -> None:
        row = _known(desk)
        desk.store.remove(desk.paths("API_KEY", desk.world.main)[:1])
        desk.check()
        if lost_answer:
            interrupted.after("put", lost)
            with pytest.raises(OutcomeUnknown):
                self._repair(desk, row)
            desk.check()
        self._repair(desk, row)
        assert desk.values("API_KEY", desk.world.main) == ("first", "first")
        shown = desk.shown("API_KEY", desk.world.main)
        assert (shown["version"], shown["mirror"], shown["state"]) == (1, "", "")

    def test_the_mirror_alone_was_added_again(self, desk: Desk) -> None:
        row = _known(desk)
        paths = desk.paths("API_KEY", desk.world.main)
        desk.store.remove(paths)
        desk.check()
        desk.outside(paths[1])
        desk.check()
        self._repair(desk, row)
        assert desk.shown("API_KEY", desk.world.main)["state"] == ""

    def _behind(self, desk: Desk) -> Secret:
        row = _known(desk)
        desk.outside(desk.paths("API_KEY", desk.world.main)[1])
        desk.check()
        return row

    def _repair(self, desk: Desk, row: Secret) -> str:
        return desk.repair("mia", row)


def _denied() -> None:
    from secrets_app.store.errors import AccessDenied

    raise AccessDenied


def _agreed(desk: Desk, key: str, version: int | None) -> None:
    """Check that projection and store agree on a secret of main, now and later."""
    for _ in range(2):
        assert desk.rows().get(("main", key)) == version
        found = desk.store.current(desk.paths(key, desk.world.main)[:1]).values()
        assert [parameter.version for parameter in found] == ([version] if version else [])
        assert not Secret.objects.exclude(claim=None).exists()
        assert not AuditEvent.objects.filter(action__startswith="secret.", outcomes=None).exists()
        desk.check()
