"""What somebody outside the console did shows as such, and what he did not do does not (13)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.models import AuditEvent
from console.naming import PathProfile
from secrets_app import projection, revalidation
from secrets_app.models import Revalidation, Secret
from tests.services.desk import Desk

OUTSIDE = "Someone outside the console"


@pytest.mark.usefixtures("either_store")
def test_it_works(desk: Desk) -> None:
    desk.put("API_KEY")
    path, _ = desk.paths("OTHER", desk.world.main)
    desk.check()
    desk.outside(path)
    freshness = desk.check()
    assert (freshness.state, freshness.problem) == ("fresh", "")
    assert desk.rows() == {("", "API_KEY"): 1, ("main", "OTHER"): 1}
    row = desk.row("OTHER", desk.world.main)
    assert (row.changed_by, row.claim_id) == ("", None)
    assert row.changed_at == desk.store.current([path])[path].modified
    assert desk.trail("found.") == [(OUTSIDE, "found.add", "OTHER", None, "succeeded", 1)]


@pytest.mark.usefixtures("either_store")
def test_changed(desk: Desk) -> None:
    _known(desk, "API_KEY")
    desk.outside(desk.paths("API_KEY")[0])
    desk.check()
    row = desk.row("API_KEY")
    assert (row.version, row.changed_by) == (2, "")
    assert desk.trail("found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 2)]


@pytest.mark.usefixtures("either_store")
def test_removed(desk: Desk) -> None:
    _known(desk, "API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main))
    desk.check()
    assert desk.shown("API_KEY", desk.world.main)["state"] == "gone"
    assert desk.trail("found.") == [(OUTSIDE, "found.remove", "API_KEY", 1, "succeeded", None)]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("checked", [True, False], ids=["after a check", "before any check"])
def test_created_anew_with_the_same_version(
    desk: Desk, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("API_KEY", branch=desk.world.main)
    if checked:
        desk.check()
    else:  # five minutes by any clock
        monkeypatch.setattr(projection, "SKEW", timedelta(0))
    primary, _ = desk.paths("API_KEY", desk.world.main)
    desk.store.remove([primary])
    desk.outside(primary)
    desk.check()
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (1, "")
    assert desk.shown("API_KEY", desk.world.main)["mirror"] == "unverified"
    assert desk.trail("found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 1)]


def test_created_anew_and_written_on_to_a_version_that_the_mirror_once_held(desk: Desk) -> None:
    row = _known(desk, "API_KEY", desk.world.main)
    desk.save("alice", desk.change(row))
    desk.check()
    primary, _ = desk.paths("API_KEY", desk.world.main)
    desk.store.remove([primary])
    desk.outside(primary)
    desk.check()
    desk.outside(primary)
    desk.check()
    assert desk.row("API_KEY", desk.world.main).version == 2
    assert desk.shown("API_KEY", desk.world.main)["mirror"] == "unverified"


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("anew", [False, True], ids=["written", "created anew"])
def test_the_mirror_alone_changed(desk: Desk, anew: bool) -> None:
    _known(desk, "API_KEY", desk.world.main)
    _, mirror = desk.paths("API_KEY", desk.world.main)
    if anew:
        desk.store.remove([mirror])
    desk.outside(mirror)
    desk.check()
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (1, "alice@example.org")
    assert desk.shown("API_KEY", desk.world.main)["mirror"] == "behind"
    assert desk.trail("found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 1)]


def test_the_mirror_alone_removed(desk: Desk) -> None:
    _known(desk, "API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main)[1:])
    desk.check()
    assert desk.shown("API_KEY", desk.world.main)["mirror"] == "missing"


def test_the_primary_alone_removed(desk: Desk) -> None:
    _known(desk, "API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main)[:1])
    desk.check()
    shown = desk.shown("API_KEY", desk.world.main)
    assert (shown["version"], shown["mirror"], shown["state"]) == (0, "alone", "")
    assert desk.row("API_KEY", desk.world.main).changed_by == ""


def test_gone_and_added_again(desk: Desk) -> None:
    _known(desk, "API_KEY")
    path, _ = desk.paths("API_KEY")
    desk.store.remove([path])
    desk.check()
    desk.outside(path)
    desk.check()
    assert desk.shown("API_KEY")["state"] == ""
    assert [entry[1] for entry in desk.trail("found.")] == ["found.remove", "found.add"]


def test_changed_outside_and_written_over_before_a_check(desk: Desk) -> None:
    row = _known(desk, "API_KEY")
    desk.outside(desk.paths("API_KEY")[0])
    [conflict] = desk.save("mia", desk.change(row))
    assert (
        conflict.message == "Someone outside the console changed this secret now (now version 2)."
    )
    desk.save("mia", desk.change(row, base=conflict.version))
    desk.check()
    assert desk.trail()[1:] == [
        (OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 2),
        ("mia", "secret.change", "API_KEY", 2, "succeeded", 3),
    ]


def test_added_outside_and_written_over_before_a_check(desk: Desk) -> None:
    desk.check()
    desk.outside(desk.paths("API_KEY")[0])
    desk.save("mia", desk.new("API_KEY", base=1))
    desk.check()
    assert desk.trail() == [
        (OUTSIDE, "found.add", "API_KEY", None, "succeeded", 1),
        ("mia", "secret.change", "API_KEY", 1, "succeeded", 2),
    ]


def test_removed_outside_and_removed_here_before_a_check(desk: Desk) -> None:
    row = _known(desk, "API_KEY")
    desk.store.remove(desk.paths("API_KEY")[:1])
    [outcome] = desk.save("mia", desk.removal(row))
    assert outcome.outcome == "removed"
    desk.check()
    assert desk.rows() == {}
    assert desk.trail()[1:] == [
        (OUTSIDE, "found.remove", "API_KEY", 1, "succeeded", None),
        ("mia", "secret.remove", "API_KEY", 0, "succeeded", None),
    ]


@pytest.mark.usefixtures("either_store")
def test_what_we_wrote_is_nobody_elses_change(desk: Desk) -> None:
    desk.check()
    for branch in (None, desk.world.main, desk.world.dev):
        row = desk.put("API_KEY", branch=branch)
        desk.check()
        desk.save("alice", desk.change(row))
        desk.save("alice", desk.change(desk.row("API_KEY", branch)))
        desk.check()
    desk.save("alice", desk.removal(desk.row("API_KEY", desk.world.main)))
    desk.check()
    desk.check()
    assert desk.rows() == {("", "API_KEY"): 3, ("dev", "API_KEY"): 3}
    assert desk.trail("found.") == []
    assert {shown["mirror"] for shown in desk.listed()} == {""}


def test_a_check_that_finds_nothing_new_writes_nothing(
    desk: Desk, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        desk.put(f"KEY_{number}", branch=desk.world.main)
    desk.check()
    before = list(Secret.objects.values())
    desk.check()
    assert list(Secret.objects.values()) == before
    with django_assert_num_queries(12):
        desk.check()


def test_unknown_folders_are_left_alone(desk: Desk) -> None:
    app_id = desk.app.app_id
    strangers = [
        f"/amplify/{app_id}/never-added/API_KEY",
        f"/amplify/{app_id}/x-branch-0123456789/API_KEY",
        f"/amplify/{app_id}/jane-sandbox-0123456789/API_KEY",
        f"/amplify/{app_id}/API_KEY",
        f"/amplify/{app_id}/main/deeper/API_KEY",
        f"/amplify/shared/{app_id}/deeper/API_KEY",
        f"/amplify/{app_id}2/main/API_KEY",
        f"/amplify/shared/{app_id}2/API_KEY",
        "/amplify/d2other/main/API_KEY",
    ]
    for path in strangers:
        desk.outside(path)
    desk.check()
    assert desk.rows() == {}
    assert desk.trail() == []
    assert desk.store.current(strangers).keys() == {*strangers}


def test_a_deleted_branch_keeps_its_secrets_listed(desk: Desk) -> None:
    desk.world.dev.deleted_at = timezone.now()
    desk.world.dev.save()
    desk.outside(desk.paths("LEFT", desk.world.dev)[0])
    desk.check()
    assert desk.shown("LEFT", desk.world.dev)["deleted"]


def test_before_the_first_check(desk: Desk) -> None:
    assert revalidation.freshness(desk.app).state == "checking"
    Revalidation.objects.create(app=desk.app, started_at=timezone.now())  # it is under way
    assert revalidation.freshness(desk.app).state == "checking"


def test_at_most_once_in_fifteen_seconds_whoever_asks(desk: Desk, calls: Any) -> None:
    people = [desk.world.actor(name) for name in ("alice", "bob", "mia", "vera")]
    for actor in people * 3:
        revalidation.revalidate(actor=actor, app_id=desk.app.app_id)
    assert calls() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=14))
    revalidation.revalidate(actor=people[0], app_id=desk.app.app_id)
    assert calls() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=15.1))
    revalidation.revalidate(actor=people[0], app_id=desk.app.app_id)
    assert calls() == 2


def test_the_first_check_of_an_app_with_a_thousand_parameters(desk: Desk, calls: Any) -> None:
    _fill(desk, 1000)
    before = calls()
    desk.check()
    assert len(desk.rows()) == 1000
    assert (calls() - before, calls("list")) == (1, 1)
    assert desk.trail() == [(OUTSIDE, "found.all", "1,000 secrets", None, "succeeded", None)]
    assert AuditEvent.objects.count() == 1
    desk.check()
    assert len(desk.trail()) == 1


def test_another_check_at_the_same_time_records_nothing_twice(desk: Desk, interrupted: Any) -> None:
    _known(desk, "API_KEY")
    path, _ = desk.paths("API_KEY")
    desk.outside(path)
    desk.outside(desk.paths("OTHER")[0])
    interrupted.after("list", lambda: revalidation.check(desk.app))
    desk.check()
    assert [entry[1] for entry in desk.trail("found.")] == ["found.change", "found.add"]


def _known(desk: Desk, key: str, branch: Any = None) -> Secret:
    """Add a secret that a check has seen."""
    desk.put(key, branch=branch)
    desk.check()
    return desk.row(key, branch)


def _fill(desk: Desk, number: int) -> None:
    for index in range(number):
        desk.outside(desk.paths(f"KEY_{index:04}", (None, desk.world.dev)[index % 2])[0])


class TestLag:
    """A listing may lag; it never takes a version back, and accuses nobody."""

    def test_it_works(self, desk: Desk, lagging: Any) -> None:
        row = _known(desk, "API_KEY")
        lagging.freeze()
        desk.save("alice", desk.change(row))
        desk.check()
        assert desk.row("API_KEY").version == 2
        lagging.thaw()
        desk.check()
        assert desk.row("API_KEY").version == 2
        assert desk.trail("found.") == []

    def test_a_secret_that_was_just_added(self, desk: Desk, lagging: Any) -> None:
        desk.check()
        lagging.freeze()
        desk.put("API_KEY", branch=desk.world.main)
        desk.check()
        assert desk.shown("API_KEY", desk.world.main)["state"] == ""
        assert desk.trail("found.") == []

    def test_a_secret_that_was_just_removed(self, desk: Desk, lagging: Any) -> None:
        row = _known(desk, "API_KEY", desk.world.main)
        lagging.freeze()
        desk.save("alice", desk.removal(row))
        desk.check()
        assert desk.rows() == {}
        assert desk.trail("found.") == []

    def test_a_secret_that_was_just_removed_and_added_anew(self, desk: Desk, lagging: Any) -> None:
        row = _known(desk, "API_KEY")
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

    def test_a_life_before_the_one_that_is_known(self, desk: Desk, lagging: Any) -> None:
        _known(desk, "API_KEY")
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
        lagging._frozen = tuple(  # four versions, of yesterday
            type(found)(found.path, 4, found.modified - timedelta(days=1))
            for found in lagging._frozen
        )
        desk.check()
        assert desk.row("API_KEY").version == 1
        assert len(desk.trail("found.")) == 1

    def test_what_is_sure_is_not_asked_for_again(
        self, desk: Desk, lagging: Any, calls: Any
    ) -> None:
        for number in range(25):
            desk.put(f"KEY_{number}")
        desk.check()
        for number in range(25):
            desk.outside(desk.paths(f"KEY_{number}")[0])
        before = calls("current")
        desk.check()
        assert calls("current") == before
        assert len(desk.trail("found.")) == 25

    def test_what_is_new_is_asked_for_by_name_ten_at_a_time(self, desk: Desk, calls: Any) -> None:
        desk.check()
        _fill(desk, 25)
        desk.check()
        assert len(desk.trail("found.")) == 25
        assert calls("current") == 4  # 13 of All branches, 12 with their mirrors: 37 names


class TestRaces:
    """A check and a save at the same time."""

    @pytest.mark.parametrize("moment", ["after", "before"])
    def test_a_change_during_the_listing(self, desk: Desk, interrupted: Any, moment: str) -> None:
        row = _known(desk, "API_KEY", desk.world.main)
        plan = getattr(interrupted, moment)
        plan("list", lambda: desk.save("alice", desk.change(row)))
        desk.check()
        _agreed(desk, {("main", "API_KEY"): 2})

    @pytest.mark.parametrize("moment", ["after", "before"])
    def test_a_removal_during_the_listing(self, desk: Desk, interrupted: Any, moment: str) -> None:
        row = _known(desk, "API_KEY", desk.world.main)
        plan = getattr(interrupted, moment)
        plan("list", lambda: desk.save("alice", desk.removal(row)))
        desk.check()
        _agreed(desk, {})

    @pytest.mark.parametrize("moment", ["after", "before"])
    def test_a_creation_during_the_listing(self, desk: Desk, interrupted: Any, moment: str) -> None:
        desk.check()
        plan = getattr(interrupted, moment)
        plan("list", lambda: desk.put("API_KEY", branch=desk.world.main))
        desk.check()
        _agreed(desk, {("main", "API_KEY"): 1})

    @pytest.mark.parametrize("operation", ["put", "remove"])
    @pytest.mark.parametrize("moment", ["after", "before"])
    def test_a_check_during_a_write(
        self, desk: Desk, interrupted: Any, moment: str, operation: str
    ) -> None:
        row = _known(desk, "API_KEY", desk.world.main)
        getattr(interrupted, moment)(operation, desk.check)
        change = desk.change(row) if operation == "put" else desk.removal(row)
        desk.save("alice", change)
        _agreed(desk, {("main", "API_KEY"): 2} if operation == "put" else {})

    @pytest.mark.parametrize("moment", ["after", "before"])
    def test_a_check_during_a_creation(self, desk: Desk, interrupted: Any, moment: str) -> None:
        desk.check()
        getattr(interrupted, moment)("put", desk.check)
        desk.put("API_KEY", branch=desk.world.main)
        _agreed(desk, {("main", "API_KEY"): 1})

    def test_a_save_while_a_check_asks_by_name(self, desk: Desk, interrupted: Any) -> None:
        row = _known(desk, "API_KEY")
        desk.store.remove(desk.paths("API_KEY")[:1])
        interrupted.after("current", lambda: desk.save("mia", desk.change(row, base=0)))
        desk.check()
        row = desk.row("API_KEY")
        assert (row.version, row.changed_by, row.gone_at) == (1, "mia@example.org", None)
        assert [entry[1] for entry in desk.trail("found.")] == ["found.remove"]

    def test_what_a_check_touched_is_newer_than_a_page_rendered_meanwhile(
        self, desk: Desk, interrupted: Any
    ) -> None:
        _known(desk, "API_KEY")
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
        assert {shown["mirror"] for shown in desk.listed()} <= {""}
        desk.check()


class TestProfile:
    """A change of the path profile moves no secret, and is nobody's change of one."""

    @pytest.mark.parametrize(
        ("profile", "version", "mirror"),
        [(PathProfile.DOCUMENTED, 1, ""), (PathProfile.BACKEND, 2, "")],
    )
    def test_it_works(self, desk: Desk, profile: str, version: int, mirror: str) -> None:
        row = _known(desk, "API_KEY", desk.world.main)
        desk.store.remove(desk.paths("API_KEY", desk.world.main)[1:])  # so that versions differ
        desk.save("alice", desk.change(row))
        desk.check()
        found = len(desk.trail("found."))
        self._switch(desk, profile)
        desk.check()
        row = desk.row("API_KEY", desk.world.main)
        assert (row.version, row.changed_by) == (version, "alice@example.org")
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == mirror
        assert len(desk.trail("found.")) == found

    def test_there_and_back_again(self, desk: Desk) -> None:
        _known(desk, "API_KEY", desk.world.main)
        desk.put("SHARED")
        for profile in (PathProfile.BACKEND, PathProfile.DOCUMENTED, PathProfile.BOTH):
            self._switch(desk, profile)
            desk.check()
            assert desk.rows() == {("main", "API_KEY"): 1, ("", "SHARED"): 1}
        assert desk.trail("found.") == []
        assert desk.shown("API_KEY", desk.world.main)["mirror"] == "behind"  # not compared since

    def test_what_the_new_profile_can_not_place_is_no_longer_listed(self, desk: Desk) -> None:
        desk.world.dev.name = "fix #1"
        desk.world.dev.save()
        _known(desk, "API_KEY", desk.world.dev)
        self._switch(desk, PathProfile.DOCUMENTED)
        desk.check()
        assert desk.rows() == {}
        self._switch(desk, PathProfile.BOTH)
        desk.check()
        assert desk.rows() == {("fix #1", "API_KEY"): 1}
        assert desk.trail("found.") == []

    def test_a_later_change_outside_shows_again(self, desk: Desk) -> None:
        _known(desk, "API_KEY", desk.world.main)
        self._switch(desk, PathProfile.BACKEND)
        desk.check()
        desk.outside(desk.paths("API_KEY", desk.world.main)[0])
        desk.check()
        assert [entry[1] for entry in desk.trail("found.")] == ["found.change"]

    def _switch(self, desk: Desk, profile: str) -> None:
        desk.app.path_profile = profile
        desk.app.save()
