"""What is written to the embedded store and what is recorded of it stand or fall as one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from console.lib.results import DONE
from console.models import AuditOutcome
from secrets_app.models import EmbeddedParameter, Secret
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AlreadyExists
from tests.secrets_app.writes.desk import Desk

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


def test_it_works(desk: Desk) -> None:
    row = desk.put("KEY", branch=desk.world.main)
    [outcome] = desk.save("alice", desk.change(row))
    assert (outcome.outcome, desk.values("KEY", desk.world.main)) == ("saved", BOTH_SECOND)
    assert [*EmbeddedParameter.objects.values_list("version", flat=True)] == [2, 2]


@pytest.mark.parametrize(("act", "after"), [("change", BOTH_SECOND), ("removal", NEITHER)])
def test_what_could_not_be_recorded_has_not_happened(desk: Desk, act: str, after: Any) -> None:
    row = desk.put("KEY", branch=desk.world.main)
    change = getattr(desk, act)(row)
    with full_disk():
        [outcome] = desk.save("alice", change)
    assert outcome.outcome == "unknown"
    assert desk.values("KEY", desk.world.main) == BOTH_FIRST
    assert ends() == ["succeeded"]
    desk.expire_claims()
    desk.check()
    assert ends() == ["succeeded", "settled"]
    assert AuditOutcome.objects.latest("pk").detail.endswith("nothing was changed.")
    [again] = desk.save("alice", change)
    assert again.outcome in DONE
    assert desk.values("KEY", desk.world.main) == after
    assert Secret.objects.exists() == (act == "change")


def test_a_mirror_that_is_not_ours_takes_nothing_along(desk: Desk) -> None:
    """The store refuses the mirror within the same transaction, and the secret is saved."""
    _, mirror = desk.paths("KEY", desk.world.main)
    desk.outside(mirror, "theirs")
    [outcome] = desk.save("alice", desk.new("KEY", "ours", desk.world.main))
    assert (outcome.outcome, desk.values("KEY", desk.world.main)) == ("saved", ("ours", "theirs"))
    assert "mirror" in outcome.message
    assert ends() == ["succeeded"]


def test_a_creation_that_came_second_changes_nothing(desk: Desk) -> None:
    desk.put("KEY", branch=desk.world.main)
    before = parameters()
    primary, _ = desk.paths("KEY", desk.world.main)
    with pytest.raises(AlreadyExists):
        desk.store.put(primary, SecretValue("late"), overwrite=False)
    assert parameters() == before
    assert desk.values("KEY", desk.world.main) == BOTH_FIRST
