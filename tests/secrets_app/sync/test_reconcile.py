"""Changes made outside the console show as drift; our own never do (guarantee 13)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.models import AuditEvent
from secrets_app import projection
from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.sync import freshness, reconciling
from tests.factories import (
    age_store_responses,
    audit_rows,
    create_command,
    delete_command,
    listed_secret,
    listed_secrets,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    secret_versions,
    set_command,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls

OUTSIDE = "Someone outside Branchkeep"


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    set_secret(world, "API_KEY")
    path, _ = secret_paths(world, "OTHER", world.main)
    reconcile_now(world)
    write_outside(path)
    freshness = reconcile_now(world)
    assert (freshness.state, freshness.problem) == ("fresh", "")
    assert secret_versions(world) == {("", "API_KEY"): 1, ("main", "OTHER"): 1}
    row = secret_row(world, "OTHER", world.main)
    assert (row.changed_by, row.claim_id) == ("", None)
    assert row.changed_at == parameter_store().current([path])[path].modified
    assert audit_rows(world, "found.") == [(OUTSIDE, "found.add", "OTHER", None, "succeeded", 1)]


@pytest.mark.usefixtures("either_store")
def test_changed(world: World) -> None:
    reconciled_secret(world, "API_KEY")
    write_outside(secret_paths(world, "API_KEY")[0])
    reconcile_now(world)
    row = secret_row(world, "API_KEY")
    assert (row.version, row.changed_by) == (2, "")
    assert audit_rows(world, "found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 2)]


@pytest.mark.usefixtures("either_store")
def test_removed(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main))
    reconcile_now(world)
    assert listed_secret(world, "API_KEY", world.main).state == "gone"
    assert audit_rows(world, "found.") == [
        (OUTSIDE, "found.remove", "API_KEY", 1, "succeeded", None)
    ]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("evidence", ["reconciled", "by its response", "by our clock alone"])
def test_recreated_with_the_same_version(
    world: World, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    match evidence:
        case "reconciled":
            reconcile_now(world)
        case "by its response":
            age_store_responses(timedelta(seconds=10))
        case _:
            Secret.objects.update(answered_at=None)
            monkeypatch.setattr(projection, "CLOCK_SKEW", timedelta(0))  # otherwise 5 minutes
    primary, _ = secret_paths(world, "API_KEY", world.main)
    parameter_store().remove([primary])
    write_outside(primary)
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.main)
    assert (row.version, row.changed_by) == (1, "")
    assert listed_secret(world, "API_KEY", world.main).mirror == "unverified"
    found = (OUTSIDE, "found.change", "API_KEY", None, "succeeded", 1)  # none before: it is another
    assert audit_rows(world, "found.") == [found]


def test_recreated_up_to_a_version_that_the_mirror_had(world: World) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    save_secrets(world, set_command(row))
    reconcile_now(world)
    primary, _ = secret_paths(world, "API_KEY", world.main)
    parameter_store().remove([primary])
    write_outside(primary)
    reconcile_now(world)
    write_outside(primary)
    reconcile_now(world)
    assert secret_row(world, "API_KEY", world.main).version == 2
    assert listed_secret(world, "API_KEY", world.main).mirror == "unverified"


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("is_recreated", [False, True], ids=["written", "re-created"])
def test_the_mirror_alone_changed(world: World, is_recreated: bool) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    _, mirror = secret_paths(world, "API_KEY", world.main)
    if is_recreated:
        parameter_store().remove([mirror])
    write_outside(mirror)
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.main)
    assert (row.version, row.changed_by) == (1, "alice@example.org")
    assert listed_secret(world, "API_KEY", world.main).mirror == "behind"
    assert audit_rows(world, "found.") == [(OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 1)]


def test_the_mirror_alone_removed(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[1:])
    reconcile_now(world)
    assert listed_secret(world, "API_KEY", world.main).mirror == "missing"


def test_the_primary_alone_removed(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[:1])
    reconcile_now(world)
    shown = listed_secret(world, "API_KEY", world.main)
    assert (shown.version, shown.mirror, shown.state) == (0, "alone", "")
    assert secret_row(world, "API_KEY", world.main).changed_by == ""


def test_removed_and_recreated(world: World) -> None:
    reconciled_secret(world, "API_KEY")
    path, _ = secret_paths(world, "API_KEY")
    parameter_store().remove([path])
    reconcile_now(world)
    write_outside(path)
    reconcile_now(world)
    assert listed_secret(world, "API_KEY").state == ""
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.remove", "found.add"]


@pytest.mark.usefixtures("clock")
def test_changed_outside_and_overwritten_before_reconciling(world: World) -> None:
    row = reconciled_secret(world, "API_KEY")
    write_outside(secret_paths(world, "API_KEY")[0])
    [conflict] = save_secrets(world, set_command(row), by="mia")
    assert conflict.message == "Someone outside Branchkeep changed this secret now (now version 2)."
    save_secrets(world, set_command(row, expected_version=conflict.version), by="mia")
    reconcile_now(world)
    assert audit_rows(world)[1:] == [
        (OUTSIDE, "found.change", "API_KEY", 1, "succeeded", 2),
        ("mia", "secret.change", "API_KEY", 2, "succeeded", 3),
    ]


def test_added_outside_and_overwritten_before_reconciling(world: World) -> None:
    reconcile_now(world)
    write_outside(secret_paths(world, "API_KEY")[0])
    save_secrets(world, create_command("API_KEY", expected_version=1), by="mia")
    reconcile_now(world)
    assert audit_rows(world) == [
        (OUTSIDE, "found.add", "API_KEY", None, "succeeded", 1),
        ("mia", "secret.change", "API_KEY", 1, "succeeded", 2),
    ]


def test_removed_outside_and_here_before_reconciling(world: World) -> None:
    row = reconciled_secret(world, "API_KEY")
    parameter_store().remove(secret_paths(world, "API_KEY")[:1])
    [outcome] = save_secrets(world, delete_command(row), by="mia")
    assert outcome.outcome == "removed"
    reconcile_now(world)
    assert secret_versions(world) == {}
    assert audit_rows(world)[1:] == [
        (OUTSIDE, "found.remove", "API_KEY", 1, "succeeded", None),
        ("mia", "secret.remove", "API_KEY", 0, "succeeded", None),
    ]


@pytest.mark.usefixtures("either_store")
def test_our_own_writes_are_no_drift(world: World) -> None:
    reconcile_now(world)
    for branch in (None, world.main, world.dev):
        row = set_secret(world, "API_KEY", branch=branch)
        reconcile_now(world)
        save_secrets(world, set_command(row))
        save_secrets(world, set_command(secret_row(world, "API_KEY", branch)))
        reconcile_now(world)
    save_secrets(world, delete_command(secret_row(world, "API_KEY", world.main)))
    reconcile_now(world)
    reconcile_now(world)
    assert secret_versions(world) == {("", "API_KEY"): 3, ("dev", "API_KEY"): 3}
    assert audit_rows(world, "found.") == []
    assert {shown.mirror for shown in listed_secrets(world)} == {""}


def test_an_unchanged_store_writes_nothing(world: World, django_assert_num_queries: Any) -> None:
    for number in range(30):
        set_secret(world, f"KEY_{number}", branch=world.main)
    reconcile_now(world)
    before = list(Secret.objects.values())
    reconcile_now(world)
    assert list(Secret.objects.values()) == before
    with django_assert_num_queries(13):
        reconcile_now(world)


def test_other_paths_are_ignored(world: World) -> None:
    app_id = world.app.app_id
    others = [
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
    for path in others:
        write_outside(path)
    reconcile_now(world)
    assert secret_versions(world) == {}
    assert audit_rows(world) == []
    assert parameter_store().current(others).keys() == {*others}


def test_a_deleted_branch_keeps_its_secrets_listed(world: World) -> None:
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    write_outside(secret_paths(world, "LEFT", world.dev)[0])
    reconcile_now(world)
    assert listed_secret(world, "LEFT", world.dev).deleted


@pytest.mark.usefixtures("clock")
def test_before_the_first_reconciling(world: World) -> None:
    assert freshness.freshness(world.app).state == "checking"
    Revalidation.objects.create(app=world.app, started_at=timezone.now())  # in progress
    assert freshness.freshness(world.app).state == "checking"


@pytest.mark.usefixtures("clock")
def test_at_most_once_in_fifteen_seconds(world: World, store_calls: StoreCalls) -> None:
    people = [world.actor(name) for name in ("alice", "bob", "mia", "vera")]
    for actor in people * 3:
        reconciling.reconcile(actor=actor, app_id=world.app.app_id)
    assert store_calls() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=14))
    reconciling.reconcile(actor=people[0], app_id=world.app.app_id)
    assert store_calls() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=15.1))
    reconciling.reconcile(actor=people[0], app_id=world.app.app_id)
    assert store_calls() == 2


def test_the_first_reconciling_of_a_thousand_parameters(
    world: World, store_calls: StoreCalls
) -> None:
    write_many_outside(world, 1000)
    before = store_calls()
    reconcile_now(world)
    assert len(secret_versions(world)) == 1000
    assert (store_calls() - before, store_calls("list")) == (1, 1)
    assert audit_rows(world) == [(OUTSIDE, "found.all", "1,000 secrets", None, "succeeded", None)]
    assert AuditEvent.objects.count() == 1
    reconcile_now(world)
    assert len(audit_rows(world)) == 1


def test_concurrent_reconciling_records_nothing_twice(
    world: World, interrupted: InterruptedStore
) -> None:
    reconciled_secret(world, "API_KEY")
    path, _ = secret_paths(world, "API_KEY")
    write_outside(path)
    write_outside(secret_paths(world, "OTHER")[0])
    interrupted.after("list", lambda: reconciling.reconcile_now(world.app))
    reconcile_now(world)
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.change", "found.add"]


def write_many_outside(world: World, number: int) -> None:
    for index in range(number):
        write_outside(secret_paths(world, f"KEY_{index:04}", (None, world.dev)[index % 2])[0])
