"""`manage.py settle` gives open and unknown attempts their outcome."""

from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.audit.reconcile import UNCERTAIN
from console.models import AuditEvent
from envvars_app.variables import save as variables
from envvars_app.variables.commands import SetVariable
from secrets_app.models import Secret
from tests.factories import (
    audit_rows,
    create_command,
    expire_leases,
    reconciled_secret,
    save_secrets,
    set_command,
    stored_values,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, kill_process, lose_response

HOURS = timedelta(hours=2)


def settle() -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("settle", stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def abandoned_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that records an attempt from two hours ago without an outcome."""

    def abandoned_attempt(action: Action, app: str = "d1shop") -> AuditEvent:
        then = timezone.now() - HOURS
        with monkeypatch.context() as patch:
            patch.setattr("django.utils.timezone.now", lambda: then)
            return attempt(world.actor("mia"), action, Target(app, "main", "KEY"))

    return abandoned_attempt


def ends(event: AuditEvent) -> list[tuple[str, str]]:
    """Return the outcomes of an attempt, in order."""
    return [(end.outcome, end.detail) for end in event.outcomes.order_by("pk")]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("end", [lose_response, kill_process])
def test_it_works(world: World, interrupted: InterruptedStore, end: Any) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.after("put", end)
    with suppress(Killed):
        save_secrets(world, set_command(row), by="mia")
    expire_leases()
    assert settle().splitlines() == [
        "Settled from the store: 1. Settled otherwise: 0.",
        "Mirrors finished: 1. Left: 0.",
    ]
    assert stored_values(world, "API_KEY", world.main) == ("second", "second")
    event = AuditEvent.objects.get(actor="mia@example.org", action="secret.change")
    assert ends(event)[-1] == ("settled", "The store holds version 2: it was written.")
    assert settle() == "Settled from the store: 0. Settled otherwise: 0."


def test_an_app_that_was_never_reconciled(world: World, interrupted: InterruptedStore) -> None:
    interrupted.after("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, create_command("API_KEY"), by="mia")
    expire_leases()
    assert settle() == "Settled from the store: 1. Settled otherwise: 0."
    assert audit_rows(world, "found.") == []


def test_the_store_is_unreachable(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY")
    interrupted.after("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, set_command(row), by="mia")
    expire_leases()
    interrupted.before("list", lose_response)
    with pytest.raises(CommandError, match="d1shop: ") as complaint:
        settle()
    assert complaint.value.returncode == 5
    assert Secret.objects.filter(claim=None).count() == 0  # kept for the next run
    assert settle() == "Settled from the store: 1. Settled otherwise: 0."


def test_a_save_in_progress_is_left_alone(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY")
    interrupted.after("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, set_command(row), by="mia")
    assert settle().startswith("Settled from the store: 0. Settled otherwise: 0.")
    assert ends(AuditEvent.objects.get(action="secret.change")) == []


@pytest.mark.parametrize(
    ("action", "outcome", "detail"),
    [
        (Action.VARIABLE_CHANGED, "settled", "Nothing was changed"),
        (Action.VARIABLE_RENAMED, "settled", "Nothing was changed"),
        (Action.SECRET_REVEALED, "settled", "No value was revealed"),
        (Action.ENVIRONMENT_RUN, "settled", "The command was not started"),
        (Action.SECRET_CHANGED, "unknown", UNCERTAIN),
        (Action.MEMBER_SET, "unknown", UNCERTAIN),
        (Action.AUDIT_EXPORTED, "unknown", UNCERTAIN),
    ],
)
def test_actions_that_the_store_does_not_show(
    world: World, abandoned_attempt: Any, action: Action, outcome: str, detail: str
) -> None:
    event = abandoned_attempt(action)
    assert settle() == "Settled from the store: 0. Settled otherwise: 1."
    [(ended, said)] = ends(event)
    assert ended == outcome
    assert said.startswith(detail)
    settle()
    assert len(ends(event)) == 1


def test_ended_and_recent_attempts_are_left_alone(world: World, abandoned_attempt: Any) -> None:
    old = abandoned_attempt(Action.VARIABLE_CHANGED)
    conclude(old.pk, Outcome.FAILED)
    young = attempt(world.actor("mia"), Action.VARIABLE_CHANGED)
    assert settle() == "Settled from the store: 0. Settled otherwise: 0."
    assert ends(young) == []


def test_more_than_a_batch(
    world: World, abandoned_attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.audit.reconcile.BATCH", 2)
    events = [abandoned_attempt(Action.VARIABLE_CHANGED) for _ in range(5)]
    assert settle() == "Settled from the store: 0. Settled otherwise: 5."
    assert [len(ends(event)) for event in events] == [1] * 5


def test_a_variable_without_an_outcome_was_not_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(variables, "conclude_all", cut)
    change = SetVariable("1", key="COLOUR", value="red")
    with pytest.raises(Killed):
        variables.save(
            actor=world.actor("alice"), app_id="d1shop", commands=[change], change_set=uuid4()
        )
    assert AuditEvent.objects.filter(action="variable.create", outcomes=None).count() == 1
    assert not world.app.variables.exists()  # as `settle` reports of such attempts
