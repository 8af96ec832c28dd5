"""A writer whose claim has run out, and who is not dead."""

from typing import Any

import pytest

from secrets_app.models import Secret
from tests.secrets_app.writes.agreement import at_peace
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import denied, lost


def test_it_works(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.before("put", lambda: (desk.expire_claims(), desk.check()))
    [outcome] = desk.save("mia", desk.change(row))
    assert (outcome.outcome, outcome.version) == ("saved", 2)
    assert desk.outcomes() == ["settled", "succeeded"]
    assert desk.row("API_KEY", desk.world.main).changed_by == "mia@example.org"
    at_peace(desk, "API_KEY", 2)
    assert desk.trail("found.") == []


@pytest.mark.parametrize("operation", ["put", "remove"])
def test_settled_while_the_answer_is_under_way(
    desk: Desk, interrupted: Any, operation: str
) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.after(operation, lambda: (desk.expire_claims(), desk.check()))
    desk.save("mia", desk.change(row) if operation == "put" else desk.removal(row))
    assert desk.outcomes() == ["settled", "succeeded"]
    at_peace(desk, "API_KEY", 2 if operation == "put" else None)
    assert desk.trail("found.") == []


def test_somebody_wrote_meanwhile_and_he_comes_last(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.before("put", lambda: _take_over(desk, row))
    [outcome] = desk.save("mia", desk.change(row, "mia's"))
    assert (outcome.outcome, outcome.version) == ("saved", 3)
    assert "at the same time" in outcome.message
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (3, "mia@example.org")
    at_peace(desk, "API_KEY", 3)
    assert [entry[0] for entry in desk.trail("secret.")] == ["alice", "mia", "alice"]
    assert desk.trail("found.") == []


def test_somebody_wrote_after_him_before_he_knew(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
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


def test_his_answer_is_lost_and_it_was_settled_before(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.before("put", lambda: (desk.expire_claims(), desk.check(), lost()))
    [outcome] = desk.save("mia", desk.change(row))
    assert outcome.outcome == "unknown"
    assert desk.outcomes() == ["settled", "settled"]  # none is left that nobody would settle
    at_peace(desk, "API_KEY", 1)


def test_his_failure_takes_nobodys_claim(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    interrupted.before("put", lambda: (_take_over(desk, row), denied()))
    [outcome] = desk.save("mia", desk.change(row))
    assert outcome.outcome == "failed"
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (2, "alice@example.org")


def test_his_removal_leaves_what_was_written_since(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    anew = desk.new("API_KEY", "alice's", desk.world.main)
    interrupted.after("remove", lambda: (desk.expire_claims(), desk.save("alice", anew)))
    desk.save("mia", desk.removal(row))
    assert desk.row("API_KEY", desk.world.main).changed_by == "alice@example.org"
    at_peace(desk, "API_KEY", 1)


def _take_over(desk: Desk, row: Secret) -> None:
    desk.expire_claims()
    [outcome] = desk.save("alice", desk.change(row, "alice's"))
    assert outcome.outcome == "saved"
