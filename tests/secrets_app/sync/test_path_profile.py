"""Changing the path profile moves no secret, and is no drift."""

import pytest

from console.lib.naming.names import PathProfile
from secrets_app.store import parameter_store
from tests.factories import (
    audit_rows,
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


@pytest.mark.parametrize(
    ("profile", "version", "mirror"),
    [(PathProfile.DOCUMENTED, 1, ""), (PathProfile.BACKEND, 2, "")],
)
def test_it_works(world: World, profile: str, version: int, mirror: str) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    # So that versions differ
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[1:])
    save_secrets(world, set_command(row))
    reconcile_now(world)
    found = len(audit_rows(world, "found."))
    switch_profile(world, profile)
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.main)
    assert (row.version, row.changed_by) == (version, "alice@example.org")
    assert listed_secret(world, "API_KEY", world.main).mirror == mirror
    assert len(audit_rows(world, "found.")) == found


def test_switching_back_and_forth(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    set_secret(world, "SHARED")
    for profile in (PathProfile.BACKEND, PathProfile.DOCUMENTED, PathProfile.BOTH):
        switch_profile(world, profile)
        reconcile_now(world)
        assert secret_versions(world) == {("main", "API_KEY"): 1, ("", "SHARED"): 1}
    assert audit_rows(world, "found.") == []
    assert listed_secret(world, "API_KEY", world.main).mirror == "behind"  # not compared since


def test_secrets_without_a_path_in_the_new_profile(world: World) -> None:
    world.dev.name = "fix #1"
    world.dev.save()
    reconciled_secret(world, "API_KEY", world.dev)
    switch_profile(world, PathProfile.DOCUMENTED)
    reconcile_now(world)
    assert secret_versions(world) == {}
    switch_profile(world, PathProfile.BOTH)
    reconcile_now(world)
    assert secret_versions(world) == {("fix #1", "API_KEY"): 1}
    assert audit_rows(world, "found.") == []


def test_a_later_outside_change_is_drift(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    switch_profile(world, PathProfile.BACKEND)
    reconcile_now(world)
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    reconcile_now(world)
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.change"]


def switch_profile(world: World, profile: str) -> None:
    world.app.path_profile = profile
    world.app.save()
