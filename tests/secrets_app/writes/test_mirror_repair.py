"""Repairing a mirror, also when the outcome is unknown."""

from collections.abc import Callable

import pytest

from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, OutcomeUnknown
from tests.factories import (
    audit_rows,
    expire_leases,
    last_event_outcomes,
    listed_secret,
    reconcile_now,
    reconciled_secret,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    set_command,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, kill_process, lose_response


def test_it_works(world: World) -> None:
    row = secret_with_changed_mirror(world)
    assert listed_secret(world, "API_KEY", world.main).mirror == "behind"
    repair_secret_mirror(world, row)
    assert listed_secret(world, "API_KEY", world.main).mirror == ""
    reconcile_now(world)
    assert listed_secret(world, "API_KEY", world.main).mirror == ""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("end", [lose_response, kill_process], ids=["lost", "killed"])
def test_an_unknown_outcome(
    world: World, interrupted: InterruptedStore, when: str, end: Callable[[], None]
) -> None:
    row = secret_with_changed_mirror(world)
    found = audit_rows(world, "found.")
    getattr(interrupted, when)("put", end)
    with pytest.raises((OutcomeUnknown, Killed)):
        repair_secret_mirror(world, row)
    expire_leases()
    reconcile_now(world)
    assert last_event_outcomes() == (
        ["unknown", "settled"] if end is lose_response else ["settled"]
    )
    assert audit_rows(world, "found.") == found
    # Until a save or repair confirms it
    assert listed_secret(world, "API_KEY", world.main).mirror == "behind"
    repair_secret_mirror(world, row)
    assert listed_secret(world, "API_KEY", world.main).mirror == ""


def test_a_save_in_progress(world: World, interrupted: InterruptedStore) -> None:
    row = secret_with_changed_mirror(world)
    problems: list[Conflict] = []

    def repair() -> None:
        with pytest.raises(Conflict) as conflict:
            repair_secret_mirror(world, row)
        problems.append(conflict.value)

    interrupted.before("put", repair)
    save_secrets(world, set_command(row))
    assert "is saving this secret" in problems[0].message


@pytest.mark.parametrize("is_response_lost", [False, True])
def test_the_primary_is_missing(
    world: World, interrupted: InterruptedStore, is_response_lost: bool
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[:1])
    reconcile_now(world)
    if is_response_lost:
        interrupted.after("put", lose_response)
        with pytest.raises(OutcomeUnknown):
            repair_secret_mirror(world, row)
        with pytest.raises(Conflict, match=r"is held until .* UTC\. Try again after"):
            repair_secret_mirror(world, row)
        expire_leases()
        reconcile_now(world)
    repair_secret_mirror(world, row)
    assert stored_values(world, "API_KEY", world.main) == ("first", "first")
    shown = listed_secret(world, "API_KEY", world.main)
    assert (shown.version, shown.mirror, shown.state) == (1, "", "")


def test_only_the_mirror_was_recreated(world: World) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    paths = secret_paths(world, "API_KEY", world.main)
    parameter_store().remove(paths)
    reconcile_now(world)
    write_outside(paths[1])
    reconcile_now(world)
    repair_secret_mirror(world, row)
    assert listed_secret(world, "API_KEY", world.main).state == ""


def secret_with_changed_mirror(world: World) -> Secret:
    row = reconciled_secret(world, "API_KEY", world.main)
    write_outside(secret_paths(world, "API_KEY", world.main)[1])
    reconcile_now(world)
    return row
