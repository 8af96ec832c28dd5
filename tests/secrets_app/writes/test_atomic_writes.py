"""What is written to the embedded store and what is recorded of it stand or fall as one."""

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
        "CREATE TEMP TRIGGER full_disk BEFORE INSERT ON main.console_auditoutcome "
        "WHEN NEW.outcome = 'succeeded' BEGIN SELECT RAISE(ABORT, 'full'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION pg_temp.full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'full'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON console_auditoutcome FOR EACH ROW "
        "WHEN (NEW.outcome = 'succeeded') EXECUTE FUNCTION pg_temp.full_disk()",
    ],
}
ITS_END = {
    "sqlite": "DROP TRIGGER full_disk",
    "postgresql": "DROP TRIGGER full_disk ON console_auditoutcome",
}


@contextmanager
def full_disk() -> Iterator[None]:
    """Let the database refuse to say that anything succeeded."""
    with connection.cursor() as cursor:
        for statement in REFUSAL[connection.vendor]:
            cursor.execute(statement)
        yield
        cursor.execute(ITS_END[connection.vendor])


def parameters() -> list[dict[str, object]]:
    """Return what stands in the store, without values."""
    return [*EmbeddedParameter.objects.order_by("path").values("path", "version", "modified")]


def ends() -> list[str]:
    """Return how the attempts ended, oldest first."""
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
    with full_disk():
        [outcome] = save_secrets(world, change)
    assert outcome.outcome == "unknown"
    assert stored_values(world, "KEY", world.main) == BOTH_FIRST
    assert ends() == ["succeeded"]
    expire_leases()
    reconcile_now(world)
    assert ends() == ["succeeded", "settled"]
    assert AuditOutcome.objects.latest("pk").detail.endswith("nothing was changed.")
    [again] = save_secrets(world, change)
    assert again.outcome in DONE
    assert stored_values(world, "KEY", world.main) == after
    assert Secret.objects.exists() == (after == BOTH_SECOND)


def test_a_mirror_that_is_not_ours_takes_nothing_along(world: World) -> None:
    """The store refuses the mirror within the same transaction, and the secret is saved."""
    _, mirror = secret_paths(world, "KEY", world.main)
    write_outside(mirror, "theirs")
    [outcome] = save_secrets(world, create_command("KEY", "ours", world.main))
    assert (outcome.outcome, stored_values(world, "KEY", world.main)) == (
        "saved",
        ("ours", "theirs"),
    )
    assert "mirror" in outcome.message
    assert ends() == ["succeeded"]


def test_a_creation_that_came_second_changes_nothing(world: World) -> None:
    set_secret(world, "KEY", branch=world.main)
    before = parameters()
    primary, _ = secret_paths(world, "KEY", world.main)
    with pytest.raises(AlreadyExists):
        parameter_store().put(primary, SecretValue("late"), overwrite=False)
    assert parameters() == before
    assert stored_values(world, "KEY", world.main) == BOTH_FIRST
