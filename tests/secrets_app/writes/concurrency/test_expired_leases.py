"""A slow writer finishes after its lease expired."""

import pytest

from secrets_app.models import Secret
from tests.factories import (
    assert_consistent,
    audit_rows,
    create_command,
    delete_command,
    expire_leases,
    last_event_outcomes,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_row,
    set_command,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access, lose_response


def test_it_works(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before("put", lambda: (expire_leases(), reconcile_now(world)))
    [outcome] = save_secrets(world, set_command(row), by="mia")
    assert (outcome.outcome, outcome.version) == ("saved", 2)
    assert last_event_outcomes() == ["settled", "succeeded"]
    assert secret_row(world, "API_KEY", world.main).changed_by == "mia@example.org"
    assert_consistent(world, "API_KEY", 2)
    assert audit_rows(world, "found.") == []


@pytest.mark.parametrize("operation", ["put", "remove"])
def test_settled_before_the_response_arrives(
    world: World, interrupted: InterruptedStore, operation: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.after(operation, lambda: (expire_leases(), reconcile_now(world)))
    save_secrets(world, set_command(row) if operation == "put" else delete_command(row), by="mia")
    assert last_event_outcomes() == ["settled", "succeeded"]
    assert_consistent(world, "API_KEY", 2 if operation == "put" else None)
    assert audit_rows(world, "found.") == []


def test_another_save_came_first(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before("put", lambda: save_over(world, row))
    [outcome] = save_secrets(world, set_command(row, "mia's"), by="mia")
    assert (outcome.outcome, outcome.version) == ("saved", 3)
    assert "at the same time" in outcome.message
    row = secret_row(world, "API_KEY", world.main)
    assert (row.version, row.changed_by) == (3, "mia@example.org")
    assert_consistent(world, "API_KEY", 3)
    assert [entry.actor for entry in audit_rows(world, "secret.")] == ["alice", "mia", "alice"]
    assert audit_rows(world, "found.") == []


def test_another_save_came_before_the_response(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    later = set_command(row, "alice's", expected_version=2)
    interrupted.after("put", lambda: (expire_leases(), save_secrets(world, later)))
    [outcome] = save_secrets(world, set_command(row, "mia's"), by="mia")
    assert outcome.outcome == "saved"
    row = secret_row(world, "API_KEY", world.main)
    assert (row.version, row.changed_by) == (3, "alice@example.org")
    reconcile_now(world)
    assert secret_row(world, "API_KEY", world.main).version == 3
    mias = [entry for entry in audit_rows(world, "secret.") if entry.actor == "mia"]
    assert mias == [("mia", "secret.change", "API_KEY", 1, "succeeded", 2)]


def test_settled_and_then_the_response_is_lost(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before("put", lambda: (expire_leases(), reconcile_now(world), lose_response()))
    [outcome] = save_secrets(world, set_command(row), by="mia")
    assert outcome.outcome == "unknown"
    # Once by reconciling, once by the save itself
    assert last_event_outcomes() == [
        "settled",
        "settled",
    ]
    assert_consistent(world, "API_KEY", 1)


def test_a_failure_leaves_the_next_lease(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before("put", lambda: (save_over(world, row), deny_access()))
    [outcome] = save_secrets(world, set_command(row), by="mia")
    assert outcome.outcome == "failed"
    row = secret_row(world, "API_KEY", world.main)
    assert (row.version, row.changed_by) == (2, "alice@example.org")


def test_a_removal_leaves_a_later_secret(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    again = create_command("API_KEY", "alice's", world.main)
    interrupted.after("remove", lambda: (expire_leases(), save_secrets(world, again)))
    save_secrets(world, delete_command(row), by="mia")
    assert secret_row(world, "API_KEY", world.main).changed_by == "alice@example.org"
    assert_consistent(world, "API_KEY", 1)


def save_over(world: World, row: Secret) -> None:
    """Let the lease expire, and save as alice."""
    expire_leases()
    [outcome] = save_secrets(world, set_command(row, "alice's"))
    assert outcome.outcome == "saved"
