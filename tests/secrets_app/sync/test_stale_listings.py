"""A listing that lags behind never reverts a version and never reports drift."""

from datetime import timedelta

from secrets_app.store import parameter_store
from tests.factories import (
    audit_rows,
    delete_command,
    listed_secret,
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
from tests.fixtures.stores import LaggingStore, StoreCalls


def test_it_works(world: World, lagging: LaggingStore) -> None:
    row = reconciled_secret(world, "API_KEY")
    lagging.freeze()
    save_secrets(world, set_command(row))
    reconcile_now(world)
    assert secret_row(world, "API_KEY").version == 2
    lagging.thaw()
    reconcile_now(world)
    assert secret_row(world, "API_KEY").version == 2
    assert audit_rows(world, "found.") == []


def test_just_added(world: World, lagging: LaggingStore) -> None:
    reconcile_now(world)
    lagging.freeze()
    set_secret(world, "API_KEY", branch=world.main)
    reconcile_now(world)
    assert listed_secret(world, "API_KEY", world.main).state == ""
    assert audit_rows(world, "found.") == []


def test_just_removed(world: World, lagging: LaggingStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    lagging.freeze()
    save_secrets(world, delete_command(row))
    reconcile_now(world)
    assert secret_versions(world) == {}
    assert audit_rows(world, "found.") == []


def test_just_recreated(world: World, lagging: LaggingStore) -> None:
    row = reconciled_secret(world, "API_KEY")
    save_secrets(world, set_command(row))
    reconcile_now(world)
    lagging.freeze()
    save_secrets(world, delete_command(secret_row(world, "API_KEY")))
    set_secret(world, "API_KEY")
    reconcile_now(world)
    assert secret_row(world, "API_KEY").version == 1
    lagging.thaw()
    reconcile_now(world)
    assert secret_row(world, "API_KEY").version == 1
    assert audit_rows(world, "found.") == []


def test_just_recreated_with_the_same_version(world: World, lagging: LaggingStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    lagging.freeze()
    lagging.age_listing(timedelta(seconds=10))
    save_secrets(world, delete_command(row))
    set_secret(world, "API_KEY", branch=world.main)
    reconcile_now(world)
    lagging.thaw()
    [saved] = save_secrets(world, set_command(secret_row(world, "API_KEY", world.main)))
    reconcile_now(world)
    assert saved.outcome == "saved"
    assert audit_rows(world, "found.") == []


def test_an_older_revision(world: World, lagging: LaggingStore) -> None:
    reconciled_secret(world, "API_KEY")
    path, _ = secret_paths(world, "API_KEY")
    for _ in range(3):
        write_outside(path)
    lagging.freeze()
    parameter_store().remove([path])
    write_outside(path)
    lagging.thaw()
    reconcile_now(world)
    assert len(audit_rows(world, "found.")) == 1
    lagging.freeze()
    lagging.age_listing(timedelta(days=1), version=4)
    reconcile_now(world)
    assert secret_row(world, "API_KEY").version == 1
    assert len(audit_rows(world, "found.")) == 1


def test_certain_changes_are_not_read_again(
    world: World, lagging: LaggingStore, store_calls: StoreCalls
) -> None:
    for number in range(25):
        set_secret(world, f"KEY_{number}")
    reconcile_now(world)
    for number in range(25):
        write_outside(secret_paths(world, f"KEY_{number}")[0])
    before = store_calls("current")
    reconcile_now(world)
    assert store_calls("current") == before
    assert len(audit_rows(world, "found.")) == 25


def test_uncertain_changes_are_read_ten_at_a_time(world: World, store_calls: StoreCalls) -> None:
    reconcile_now(world)
    for index in range(25):
        branch = world.dev if index % 2 else None
        write_outside(secret_paths(world, f"KEY_{index:04}", branch)[0])
    reconcile_now(world)
    assert len(audit_rows(world, "found.")) == 25
    assert store_calls("current") == 4  # 13 of All branches, 12 with their mirrors: 37 names


def _fill(world: World, number: int) -> None:
    for index in range(number):
        write_outside(secret_paths(world, f"KEY_{index:04}", (None, world.dev)[index % 2])[0])
