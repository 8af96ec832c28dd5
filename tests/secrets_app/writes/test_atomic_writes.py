"""With the embedded store, a write and its audit outcome are one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from console.lib.results import DONE
from console.models import AuditOutcome
from secrets_app.models import EmbeddedParameter, Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AlreadyExists
from tests.factories import (
    create_command,
    delete_command,
    expire_leases,
    reconcile_now,
    save_secrets,
    secret_paths,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World

BOTH_FIRST, BOTH_SECOND, NEITHER = ("first", "first"), ("second", "second"), (None, None)
REFUSAL = {
    "sqlite": [
        "CREATE TEMP TRIGGER rejecting_success BEFORE INSERT ON main.console_auditoutcome "
        "WHEN NEW.outcome = 'succeeded' BEGIN SELECT RAISE(ABORT, 'full'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION pg_temp.rejecting_success() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'full'; END $$",
        "CREATE TRIGGER rejecting_success BEFORE INSERT ON console_auditoutcome FOR EACH ROW "
        "WHEN (NEW.outcome = 'succeeded') EXECUTE FUNCTION pg_temp.rejecting_success()",
    ],
}
END_REFUSAL = {
    "sqlite": "DROP TRIGGER rejecting_success",
    "postgresql": "DROP TRIGGER rejecting_success ON console_auditoutcome",
}


@contextmanager
def rejecting_success() -> Iterator[None]:
    """Make the database reject audit outcomes that say "succeeded", as a full disk would."""
    with connection.cursor() as cursor:
        for statement in REFUSAL[connection.vendor]:
            cursor.execute(statement)
        yield
        cursor.execute(END_REFUSAL[connection.vendor])


def parameters() -> list[dict[str, object]]:
    """Return the stored parameters without their values."""
    return [*EmbeddedParameter.objects.order_by("path").values("path", "version", "modified")]


def outcomes() -> list[str]:
    """Return all audit outcomes, oldest first."""
    return [*AuditOutcome.objects.order_by("pk").values_list("outcome", flat=True)]


def test_it_works(world: World) -> None:
    row = set_secret(world, "KEY", branch=world.main)
    [outcome] = save_secrets(world, set_command(row))
    assert (outcome.outcome, stored_values(world, "KEY", world.main)) == ("saved", BOTH_SECOND)
    assert [*EmbeddedParameter.objects.values_list("version", flat=True)] == [2, 2]


@pytest.mark.parametrize(
    ("command_for", "after"), [(set_command, BOTH_SECOND), (delete_command, NEITHER)]
)
def test_an_unrecorded_write_is_rolled_back(world: World, command_for: Any, after: Any) -> None:
    row = set_secret(world, "KEY", branch=world.main)
    change = command_for(row)
    with rejecting_success():
        [outcome] = save_secrets(world, change)
    assert outcome.outcome == "unknown"
    assert stored_values(world, "KEY", world.main) == BOTH_FIRST
    assert outcomes() == ["succeeded"]
    expire_leases()
    reconcile_now(world)
    assert outcomes() == ["succeeded", "settled"]
    assert AuditOutcome.objects.latest("pk").detail.endswith("nothing was changed.")
    [again] = save_secrets(world, change)
    assert again.outcome in DONE
    assert stored_values(world, "KEY", world.main) == after
    assert Secret.objects.exists() == (after == BOTH_SECOND)


def test_a_rejected_mirror_rolls_nothing_back(world: World) -> None:
    _, mirror = secret_paths(world, "KEY", world.main)
    write_outside(mirror, "theirs")
    [outcome] = save_secrets(world, create_command("KEY", "ours", world.main))
    assert (outcome.outcome, stored_values(world, "KEY", world.main)) == (
        "saved",
        ("ours", "theirs"),
    )
    assert "mirror" in outcome.message
    assert outcomes() == ["succeeded"]


def test_a_second_creation_changes_nothing(world: World) -> None:
    set_secret(world, "KEY", branch=world.main)
    before = parameters()
    primary, _ = secret_paths(world, "KEY", world.main)
    with pytest.raises(AlreadyExists):
        parameter_store().put(primary, SecretValue("late"), overwrite=False)
    assert parameters() == before
    assert stored_values(world, "KEY", world.main) == BOTH_FIRST
