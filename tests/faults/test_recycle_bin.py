"""The recycle bin with a store that throttles (guarantees 44 and 51)."""

import uuid
from time import sleep

import pytest

from console.access.policy import Access, find_app
from console.lib.results import DONE
from console.workflows import bin_worker
from secrets_app.history import bin_actions
from secrets_app.models import BinEntry, Secret
from secrets_app.recycle_bin import kept
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError
from tests.factories import (
    delete_command,
    expire_leases,
    projection_errors,
    save_secrets,
    set_secret,
    stored_values,
)
from tests.faults.test_slowness import CALLS_A_SECOND, RateLimiter, rounds
from tests.fixtures.faulty import Faulty
from tests.fixtures.people import World

KEYS = [f"KEY_{number}" for number in range(6)]


def remove_all(world: World) -> bool:
    """Remove what is still there, as people would: by saving again. Return True if all is gone."""
    rows = Secret.objects.filter(app=world.app).order_by("key")
    outcomes = save_secrets(world, *map(delete_command, rows))
    assert {it.outcome for it in outcomes} <= {*DONE, "failed", "not_tried"}
    return all(it.outcome in DONE for it in outcomes)


def restore_all(access: Access) -> bool:
    """Restore what is in the recycle bin. Return True if all is restored."""
    for entry in kept(access.app):
        try:
            outcome = bin_actions.restore(access, entry, uuid.uuid4(), to=entry.branch)
        except StoreError:
            return False
        assert outcome.outcome in {*DONE, "failed", "not_tried"}
    return not kept(access.app)


@pytest.mark.exhaustive
def test_it_works(world: World, faulty_ssm: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        set_secret(world, key, f"value of {key}", world.main)
    access = find_app(world.actor("alice"), "d1shop")
    with monkeypatch.context() as patch:
        patch.setattr(faulty_ssm, "_fault_for", RateLimiter(CALLS_A_SECOND).fault)
        for _ in rounds(60):
            if remove_all(world):
                break
            sleep(0.5)
        assert sorted(entry.key for entry in kept(world.app)) == KEYS
        for _ in rounds(60):
            if restore_all(access):
                break
            sleep(0.5)
    for key in KEYS:
        assert stored_values(world, key, world.main) == (f"value of {key}",) * 2
        assert not [*projection_errors(world, key, world.main)]
    expire_leases()
    bin_worker.clean_up()  # deletes what throttling left
    assert not BinEntry.objects.exists()
    assert [*parameter_store().list(["/amplify/branchkeep-bin"])] == []
