"""Operators see whether the recycle bin works: doctor, purge_bin, settle, number of parameters."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from secrets_app.models import BinEntry, EmbeddedParameter
from secrets_app.ops import bin_checks, quotas
from secrets_app.store import parameter_store
from tests.factories import delete_secret, remove_variable, set_secret, set_variable
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access, lose_response

pytestmark = pytest.mark.django_db


def expire(world: World) -> None:
    """Let everything in the recycle bin be two hours overdue."""
    over = timezone.now() - timedelta(hours=2)
    BinEntry.objects.update(expires_at=over)
    world.app.variables.exclude(removed_at=None).update(expires_at=over)


def fill(world: World) -> None:
    set_secret(world, "API_KEY")
    delete_secret(world, "API_KEY")
    remove_variable(world, set_variable(world, "API_URL"))


def test_it_works(world: World, manage: Any) -> None:
    fill(world)
    assert bin_checks.recycle_bin().message == "Removed secrets in it: 1."
    assert "Deleted for good: 0." in manage("purge_bin").out
    expire(world)
    assert "1 removed secrets should have left" in bin_checks.recycle_bin().message
    assert "Deleted for good: 2." in manage("purge_bin").out
    assert bin_checks.recycle_bin().message == "Removed secrets in it: 0."
    assert not world.app.variables.exists()
    assert [*parameter_store().list(["/amplify/branchkeep-bin"])] == []


def test_settle_does_it_too(world: World, manage: Any) -> None:
    fill(world)
    expire(world)
    manage("settle")
    assert not BinEntry.objects.exists()


def test_response_is_lost(world: World, manage: Any, interrupted: InterruptedStore) -> None:
    fill(world)
    expire(world)
    interrupted.after("remove", lose_response)
    failed = manage("purge_bin")
    assert (failed.code, "response was lost" in failed.err) == (5, True)
    assert [entry.state for entry in BinEntry.objects.all()] == ["deleting"]
    BinEntry.objects.update(due_at=timezone.now())
    assert "Finished: 1." in manage("purge_bin").out
    assert not BinEntry.objects.exists()


def test_quota_counts_copies(world: World) -> None:
    set_secret(world, "OTHER", branch=world.main)
    fill(world)
    [row] = quotas.parameters()
    assert (row["number"], row["in_bin"]) == (3, 1)


def test_role_may_not_write_there(world: World) -> None:
    store = InterruptedStore(parameter_store())
    store.before("put", deny_access)
    result = bin_checks.try_folders(store)
    assert (result.state, "d1shop" in result.message) == ("warning", True)
    assert bin_checks.try_folders(store).message == "Works."
    assert [*store.list(["/amplify/branchkeep-bin"])] == []


@pytest.mark.parametrize("operation", ["read", "remove"])
def test_role_may_not_take_it_out_again(world: World, operation: str) -> None:
    store = InterruptedStore(parameter_store())
    store.before(operation, deny_access)
    result = bin_checks.try_folders(store)
    assert result.state == "error"
    assert "/amplify/branchkeep-bin/d1shop/doctor-" in result.hint
    left = [*store.list(["/amplify/branchkeep-bin"])]
    assert len(left) == (operation == "remove")


def test_copies_without_an_entry(world: World) -> None:
    """A restored backup from before the removals doesn't know them."""
    fill(world)
    store = parameter_store()
    assert bin_checks.try_folders(store).message == "Works."
    [copy] = store.list(["/amplify/branchkeep-bin"])
    BinEntry.objects.all().delete()
    # It could be that of another check, which is just running.
    assert bin_checks.try_folders(store).message == "Works."
    EmbeddedParameter.objects.update(modified=timezone.now() - timedelta(hours=2))
    result = bin_checks.try_folders(store)
    assert (result.state, copy.path in result.message) == ("warning", True)
