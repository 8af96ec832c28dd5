"""A change of the path profile moves no secret, and is nobody's change of one."""

import pytest

from console.lib.names import PathProfile
from tests.secrets_app.writes.desk import Desk


@pytest.mark.parametrize(
    ("profile", "version", "mirror"),
    [(PathProfile.DOCUMENTED, 1, ""), (PathProfile.BACKEND, 2, "")],
)
def test_it_works(desk: Desk, profile: str, version: int, mirror: str) -> None:
    row = desk.known("API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main)[1:])  # so that versions differ
    desk.save("alice", desk.change(row))
    desk.check()
    found = len(desk.trail("found."))
    _switch(desk, profile)
    desk.check()
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (version, "alice@example.org")
    assert desk.shown("API_KEY", desk.world.main).mirror == mirror
    assert len(desk.trail("found.")) == found


def test_there_and_back_again(desk: Desk) -> None:
    desk.known("API_KEY", desk.world.main)
    desk.put("SHARED")
    for profile in (PathProfile.BACKEND, PathProfile.DOCUMENTED, PathProfile.BOTH):
        _switch(desk, profile)
        desk.check()
        assert desk.rows() == {("main", "API_KEY"): 1, ("", "SHARED"): 1}
    assert desk.trail("found.") == []
    assert desk.shown("API_KEY", desk.world.main).mirror == "behind"  # not compared since


def test_what_the_new_profile_can_not_place_is_no_longer_listed(desk: Desk) -> None:
    desk.world.dev.name = "fix #1"
    desk.world.dev.save()
    desk.known("API_KEY", desk.world.dev)
    _switch(desk, PathProfile.DOCUMENTED)
    desk.check()
    assert desk.rows() == {}
    _switch(desk, PathProfile.BOTH)
    desk.check()
    assert desk.rows() == {("fix #1", "API_KEY"): 1}
    assert desk.trail("found.") == []


def test_a_later_change_outside_shows_again(desk: Desk) -> None:
    desk.known("API_KEY", desk.world.main)
    _switch(desk, PathProfile.BACKEND)
    desk.check()
    desk.outside(desk.paths("API_KEY", desk.world.main)[0])
    desk.check()
    assert [entry[1] for entry in desk.trail("found.")] == ["found.change"]


def _switch(desk: Desk, profile: str) -> None:
    desk.app.path_profile = profile
    desk.app.save()
