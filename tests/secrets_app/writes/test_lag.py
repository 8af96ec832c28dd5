"""A listing may lag; it never takes a version back, and accuses nobody."""

from datetime import timedelta
from typing import Any

from tests.secrets_app.writes.desk import Desk


def test_it_works(desk: Desk, lagging: Any) -> None:
    row = desk.known("API_KEY")
    lagging.freeze()
    desk.save("alice", desk.change(row))
    desk.check()
    assert desk.row("API_KEY").version == 2
    lagging.thaw()
    desk.check()
    assert desk.row("API_KEY").version == 2
    assert desk.trail("found.") == []


def test_a_secret_that_was_just_added(desk: Desk, lagging: Any) -> None:
    desk.check()
    lagging.freeze()
    desk.put("API_KEY", branch=desk.world.main)
    desk.check()
    assert desk.shown("API_KEY", desk.world.main).state == ""
    assert desk.trail("found.") == []


def test_a_secret_that_was_just_removed(desk: Desk, lagging: Any) -> None:
    row = desk.known("API_KEY", desk.world.main)
    lagging.freeze()
    desk.save("alice", desk.removal(row))
    desk.check()
    assert desk.rows() == {}
    assert desk.trail("found.") == []


def test_a_secret_that_was_just_removed_and_added_anew(desk: Desk, lagging: Any) -> None:
    row = desk.known("API_KEY")
    desk.save("alice", desk.change(row))
    desk.check()
    lagging.freeze()
    desk.save("alice", desk.removal(desk.row("API_KEY")))
    desk.put("API_KEY")
    desk.check()
    assert desk.row("API_KEY").version == 1
    lagging.thaw()
    desk.check()
    assert desk.row("API_KEY").version == 1
    assert desk.trail("found.") == []


def test_a_secret_that_was_just_removed_and_added_anew_and_has_its_version(
    desk: Desk, lagging: Any
) -> None:
    row = desk.known("API_KEY", desk.world.main)
    lagging.freeze()
    lagging.age_listing(timedelta(seconds=10))
    desk.save("alice", desk.removal(row))
    desk.put("API_KEY", branch=desk.world.main)
    desk.check()
    lagging.thaw()
    [saved] = desk.save("alice", desk.change(desk.row("API_KEY", desk.world.main)))
    desk.check()
    assert saved.outcome == "saved"
    assert desk.trail("found.") == []


def test_a_life_before_the_one_that_is_known(desk: Desk, lagging: Any) -> None:
    desk.known("API_KEY")
    path, _ = desk.paths("API_KEY")
    for _ in range(3):
        desk.outside(path)
    lagging.freeze()
    desk.store.remove([path])
    desk.outside(path)
    lagging.thaw()
    desk.check()
    assert len(desk.trail("found.")) == 1
    lagging.freeze()
    lagging.age_listing(timedelta(days=1), version=4)
    desk.check()
    assert desk.row("API_KEY").version == 1
    assert len(desk.trail("found.")) == 1


def test_what_is_sure_is_not_asked_for_again(desk: Desk, lagging: Any, calls: Any) -> None:
    for number in range(25):
        desk.put(f"KEY_{number}")
    desk.check()
    for number in range(25):
        desk.outside(desk.paths(f"KEY_{number}")[0])
    before = calls("current")
    desk.check()
    assert calls("current") == before
    assert len(desk.trail("found.")) == 25


def test_what_is_new_is_asked_for_by_name_ten_at_a_time(desk: Desk, calls: Any) -> None:
    desk.check()
    _fill(desk, 25)
    desk.check()
    assert len(desk.trail("found.")) == 25
    assert calls("current") == 4  # 13 of All branches, 12 with their mirrors: 37 names


def _fill(desk: Desk, number: int) -> None:
    for index in range(number):
        desk.outside(desk.paths(f"KEY_{index:04}", (None, desk.world.dev)[index % 2])[0])
