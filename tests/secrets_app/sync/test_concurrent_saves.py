"""Reconciling and saving at the same time."""

from datetime import datetime

import pytest
from django.utils import timezone

from secrets_app.models import Secret
from secrets_app.store import parameter_store
from tests.factories import (
    audit_rows,
    delete_command,
    listed_secrets,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    secret_versions,
    set_command,
    set_secret,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize("moment", ["after", "before"])
def test_it_works(world: World, interrupted: InterruptedStore, moment: str) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    plan = getattr(interrupted, moment)
    plan("list", lambda: save_secrets(world, set_command(row)))
    reconcile_now(world)
    assert_no_drift(world, {("main", "API_KEY"): 2})


@pytest.mark.parametrize("moment", ["after", "before"])
def test_a_removal_while_listing(world: World, interrupted: InterruptedStore, moment: str) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    plan = getattr(interrupted, moment)
    plan("list", lambda: save_secrets(world, delete_command(row)))
    reconcile_now(world)
    assert_no_drift(world, {})


@pytest.mark.parametrize("moment", ["after", "before"])
def test_a_creation_while_listing(world: World, interrupted: InterruptedStore, moment: str) -> None:
    reconcile_now(world)
    plan = getattr(interrupted, moment)
    plan("list", lambda: set_secret(world, "API_KEY", branch=world.main))
    reconcile_now(world)
    assert_no_drift(world, {("main", "API_KEY"): 1})


@pytest.mark.parametrize("operation", ["put", "remove"])
@pytest.mark.parametrize("moment", ["after", "before"])
def test_reconciling_during_a_write(
    world: World, interrupted: InterruptedStore, moment: str, operation: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    getattr(interrupted, moment)(operation, lambda: reconcile_now(world))
    change = set_command(row) if operation == "put" else delete_command(row)
    save_secrets(world, change)
    assert_no_drift(world, {("main", "API_KEY"): 2} if operation == "put" else {})


@pytest.mark.parametrize("moment", ["after", "before"])
def test_reconciling_during_a_creation(
    world: World, interrupted: InterruptedStore, moment: str
) -> None:
    reconcile_now(world)
    getattr(interrupted, moment)("put", lambda: reconcile_now(world))
    set_secret(world, "API_KEY", branch=world.main)
    assert_no_drift(world, {("main", "API_KEY"): 1})


def test_a_save_while_reconciling_reads_by_name(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY")
    parameter_store().remove(secret_paths(world, "API_KEY")[:1])
    interrupted.after(
        "current", lambda: save_secrets(world, set_command(row, expected_version=0), by="mia")
    )
    reconcile_now(world)
    row = secret_row(world, "API_KEY")
    assert (row.version, row.changed_by, row.gone_at) == (1, "mia@example.org", None)
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.remove"]


def test_touched_rows_are_newer_than_a_page_rendered_before(
    world: World, interrupted: InterruptedStore
) -> None:
    reconciled_secret(world, "API_KEY")
    parameter_store().remove(secret_paths(world, "API_KEY")[:1])  # uncertain, so it is read by name
    rendered: list[datetime] = []
    interrupted.after("current", lambda: rendered.append(timezone.now()))
    reconcile_now(world)
    assert secret_row(world, "API_KEY").touched_at > rendered[0]


def assert_no_drift(world: World, expected: dict[tuple[str, str], int]) -> None:
    """Check that projection and store agree, also once reconciled, without drift."""
    for _ in range(2):
        assert secret_versions(world) == expected
        assert not Secret.objects.exclude(claim=None).exists()
        assert audit_rows(world, "found.") == []
        assert {shown.mirror for shown in listed_secrets(world)} <= {""}
        reconcile_now(world)
