"""A check and a save at the same time."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from secrets_app.models import Secret
from tests.secrets_app.writes.desk import Desk


@pytest.mark.parametrize("moment", ["after", "before"])
def test_it_works(desk: Desk, interrupted: Any, moment: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    plan = getattr(interrupted, moment)
    plan("list", lambda: desk.save("alice", desk.change(row)))
    desk.check()
    _agreed(desk, {("main", "API_KEY"): 2})


@pytest.mark.parametrize("moment", ["after", "before"])
def test_a_removal_during_the_listing(desk: Desk, interrupted: Any, moment: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    plan = getattr(interrupted, moment)
    plan("list", lambda: desk.save("alice", desk.removal(row)))
    desk.check()
    _agreed(desk, {})


@pytest.mark.parametrize("moment", ["after", "before"])
def test_a_creation_during_the_listing(desk: Desk, interrupted: Any, moment: str) -> None:
    desk.check()
    plan = getattr(interrupted, moment)
    plan("list", lambda: desk.put("API_KEY", branch=desk.world.main))
    desk.check()
    _agreed(desk, {("main", "API_KEY"): 1})


@pytest.mark.parametrize("operation", ["put", "remove"])
@pytest.mark.parametrize("moment", ["after", "before"])
def test_a_check_during_a_write(desk: Desk, interrupted: Any, moment: str, operation: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    getattr(interrupted, moment)(operation, desk.check)
    change = desk.change(row) if operation == "put" else desk.removal(row)
    desk.save("alice", change)
    _agreed(desk, {("main", "API_KEY"): 2} if operation == "put" else {})


@pytest.mark.parametrize("moment", ["after", "before"])
def test_a_check_during_a_creation(desk: Desk, interrupted: Any, moment: str) -> None:
    desk.check()
    getattr(interrupted, moment)("put", desk.check)
    desk.put("API_KEY", branch=desk.world.main)
    _agreed(desk, {("main", "API_KEY"): 1})


def test_a_save_while_a_check_asks_by_name(desk: Desk, interrupted: Any) -> None:
    row = desk.known("API_KEY")
    desk.store.remove(desk.paths("API_KEY")[:1])
    interrupted.after("current", lambda: desk.save("mia", desk.change(row, base=0)))
    desk.check()
    row = desk.row("API_KEY")
    assert (row.version, row.changed_by, row.gone_at) == (1, "mia@example.org", None)
    assert [entry[1] for entry in desk.trail("found.")] == ["found.remove"]


def test_what_a_check_touched_is_newer_than_a_page_rendered_meanwhile(
    desk: Desk, interrupted: Any
) -> None:
    desk.known("API_KEY")
    desk.store.remove(desk.paths("API_KEY")[:1])  # in doubt, so it is asked for by name
    rendered: list[datetime] = []
    interrupted.after("current", lambda: rendered.append(timezone.now()))
    desk.check()
    assert desk.row("API_KEY").touched_at > rendered[0]


def _agreed(desk: Desk, expected: dict[tuple[str, str], int]) -> None:
    """Check that projection and store agree, now and later, and that nobody was accused."""
    for _ in range(2):
        assert desk.rows() == expected
        assert not Secret.objects.exclude(claim=None).exists()
        assert desk.trail("found.") == []
        assert {shown.mirror for shown in desk.listed()} <= {""}
        desk.check()
