"""Changes made outside the console show as drift; our own never do (guarantee 13)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.models import AuditEvent
from secrets_app import projection, sync
from secrets_app.models import Revalidation, Secret
from tests.secrets_app.writes.desk import Desk

OUTSIDE = "Someone outside Branchkeep"


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
    desk.known("API_KEY")
    desk.outside(desk.paths("API_KEY")[0])
    desk.check()
    row = desk.row("API_KEY")
    assert (row.version, row.changed_by) == (2, "")
    assert desk.trail("found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 2)]


@pytest.mark.usefixtures("either_store")
def test_removed(desk: Desk) -> None:
    desk.known("API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main))
    desk.check()
    assert desk.shown("API_KEY", desk.world.main).state == "gone"
    assert desk.trail("found.") == [(OUTSIDE, "found.remove", "API_KEY", 1, "succeeded", None)]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("known", ["seen by a check", "by its answer", "by our own clock alone"])
def test_created_anew_with_the_same_version(
    desk: Desk, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("API_KEY", branch=desk.world.main)
    match known:
        case "seen by a check":
            desk.check()
        case "by its answer":
            desk.age_answers(timedelta(seconds=10))
        case _:
            Secret.objects.update(answered_at=None)
            monkeypatch.setattr(projection, "CLOCK_SKEW", timedelta(0))  # five minutes by any clock
    primary, _ = desk.paths("API_KEY", desk.world.main)
    desk.store.remove([primary])
    desk.outside(primary)
    desk.check()
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (1, "")
    assert desk.shown("API_KEY", desk.world.main).mirror == "unverified"
    assert desk.trail("found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 1)]


def test_created_anew_and_written_on_to_a_version_that_the_mirror_once_held(desk: Desk) -> None:
    row = desk.known("API_KEY", desk.world.main)
    desk.save("alice", desk.change(row))
    desk.check()
    primary, _ = desk.paths("API_KEY", desk.world.main)
    desk.store.remove([primary])
    desk.outside(primary)
    desk.check()
    desk.outside(primary)
    desk.check()
    assert desk.row("API_KEY", desk.world.main).version == 2
    assert desk.shown("API_KEY", desk.world.main).mirror == "unverified"


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("anew", [False, True], ids=["written", "created anew"])
def test_the_mirror_alone_changed(desk: Desk, anew: bool) -> None:
    desk.known("API_KEY", desk.world.main)
    _, mirror = desk.paths("API_KEY", desk.world.main)
    if anew:
        desk.store.remove([mirror])
    desk.outside(mirror)
    desk.check()
    row = desk.row("API_KEY", desk.world.main)
    assert (row.version, row.changed_by) == (1, "alice@example.org")
    assert desk.shown("API_KEY", desk.world.main).mirror == "behind"
    assert desk.trail("found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 1)]


def test_the_mirror_alone_removed(desk: Desk) -> None:
    desk.known("API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main)[1:])
    desk.check()
    assert desk.shown("API_KEY", desk.world.main).mirror == "missing"


def test_the_primary_alone_removed(desk: Desk) -> None:
    desk.known("API_KEY", desk.world.main)
    desk.store.remove(desk.paths("API_KEY", desk.world.main)[:1])
    desk.check()
    shown = desk.shown("API_KEY", desk.world.main)
    assert (shown.version, shown.mirror, shown.state) == (0, "alone", "")
    assert desk.row("API_KEY", desk.world.main).changed_by == ""


def test_gone_and_added_again(desk: Desk) -> None:
    desk.known("API_KEY")
    path, _ = desk.paths("API_KEY")
    desk.store.remove([path])
    desk.check()
    desk.outside(path)
    desk.check()
    assert desk.shown("API_KEY").state == ""
    assert [entry[1] for entry in desk.trail("found.")] == ["found.remove", "found.add"]


@pytest.mark.usefixtures("clock")
def test_changed_outside_and_written_over_before_a_check(desk: Desk) -> None:
    row = desk.known("API_KEY")
    desk.outside(desk.paths("API_KEY")[0])
    [conflict] = desk.save("mia", desk.change(row))
    assert conflict.message == "Someone outside Branchkeep changed this secret now (now version 2)."
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
    row = desk.known("API_KEY")
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
    assert {shown.mirror for shown in desk.listed()} == {""}


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
    assert desk.shown("LEFT", desk.world.dev).deleted


@pytest.mark.usefixtures("clock")
def test_before_the_first_check(desk: Desk) -> None:
    assert sync.freshness(desk.app).state == "checking"
    Revalidation.objects.create(app=desk.app, started_at=timezone.now())  # it is under way
    assert sync.freshness(desk.app).state == "checking"


@pytest.mark.usefixtures("clock")
def test_at_most_once_in_fifteen_seconds_whoever_asks(desk: Desk, calls: Any) -> None:
    people = [desk.world.actor(name) for name in ("alice", "bob", "mia", "vera")]
    for actor in people * 3:
        sync.reconcile(actor=actor, app_id=desk.app.app_id)
    assert calls() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=14))
    sync.reconcile(actor=people[0], app_id=desk.app.app_id)
    assert calls() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=15.1))
    sync.reconcile(actor=people[0], app_id=desk.app.app_id)
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
    desk.known("API_KEY")
    path, _ = desk.paths("API_KEY")
    desk.outside(path)
    desk.outside(desk.paths("OTHER")[0])
    interrupted.after("list", lambda: sync.reconcile_now(desk.app))
    desk.check()
    assert [entry[1] for entry in desk.trail("found.")] == ["found.change", "found.add"]


def _fill(desk: Desk, number: int) -> None:
    for index in range(number):
        desk.outside(desk.paths(f"KEY_{index:04}", (None, desk.world.dev)[index % 2])[0])
