"""Requests that a kill cut off, such as a reveal, get an outcome by themselves."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from console.audit import refusals, settle_worker
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.audit.reconcile import REQUEST_AGE, settle_requests
from console.models import AuditEvent, AuditOutcome
from secrets_app.reveal import reveal
from tests.factories import audit_rows, reconciled_secret, without_table
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, kill_process

# The thread closes its connection, so the tests' data has to be committed
pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def run_once() -> None:
    """Run the thread's function once."""
    stop = Event()
    stop.set()
    settle_worker.run(stop)


def attempted(world: World, action: Action, age: timedelta, monkeypatch: Any) -> AuditEvent:
    """Record an attempt of this age that has no outcome."""
    then = timezone.now() - age
    with monkeypatch.context() as patch:
        patch.setattr("django.utils.timezone.now", lambda: then)
        return attempt(world.actor("mia"), action, Target("d1shop", "main", "KEY"))


def test_it_works(
    world: World, interrupted: InterruptedStore, clock: time_machine.Traveller
) -> None:
    row = reconciled_secret(world, "API_KEY")
    interrupted.after("read", kill_process)
    with pytest.raises(Killed):
        reveal(actor=world.actor("alice"), app_id="d1shop", pk=row.pk)
    run_once()
    assert audit_rows(world)[-1].outcome is None  # it may still be in progress
    clock.shift(REQUEST_AGE + timedelta(seconds=1))
    run_once()
    assert audit_rows(world)[-1].outcome == "settled"
    event = AuditEvent.objects.get(action="secret.reveal")
    assert event.outcomes.get().detail == "No value was revealed: the outcome is saved first."
    run_once()
    assert event.outcomes.count() == 1


@pytest.mark.parametrize(
    ("action", "is_settled"),
    [
        (Action.SECRET_REVEALED, True),
        (Action.VARIABLE_CHANGED, True),
        (Action.WARNING_DISMISSED, True),
        (Action.ENVIRONMENT_RUN, True),
        (Action.SECRET_CHANGED, False),  # the store knows
        (Action.KEYS_ROTATED, False),  # takes as long as it takes
        (Action.MEMBER_SET, False),
    ],
)
def test_what_follows_from_our_own_steps(
    world: World, monkeypatch: pytest.MonkeyPatch, action: Action, is_settled: bool
) -> None:
    event = attempted(world, action, 2 * REQUEST_AGE, monkeypatch)
    run_once()
    assert event.outcomes.filter(outcome="settled").exists() == is_settled


def test_concluded_and_recent_attempts_are_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = attempted(world, Action.SECRET_REVEALED, 2 * REQUEST_AGE, monkeypatch)
    conclude(old.pk, Outcome.FAILED)
    attempted(world, Action.SECRET_REVEALED, REQUEST_AGE / 2, monkeypatch)
    run_once()
    assert AuditOutcome.objects.count() == 1


def test_it_continues_where_it_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = attempted(world, Action.SECRET_REVEALED, 2 * REQUEST_AGE, monkeypatch)
    assert settle_requests() == first.pk
    assert settle_requests(first.pk) == first.pk
    second = attempted(world, Action.SECRET_REVEALED, 2 * REQUEST_AGE, monkeypatch)
    assert settle_requests(first.pk) == second.pk
    assert second.outcomes.count() == 1


def test_refused_requests_are_counted_out(world: World, clock: time_machine.Traveller) -> None:
    for _ in range(refusals.LIMIT + 2):
        refusals.record_refusal(world.actor("charlie"), Action.REQUEST_REFUSED, Target("d1shop"))
    event = AuditEvent.objects.get(subject=refusals.MORE)
    run_once()
    assert not event.outcomes.exists()  # the minute is not over
    clock.shift(61)
    run_once()
    assert event.outcomes.get().detail.startswith("2 more in the minute from")


def test_a_failure_does_not_end_the_thread(world: World) -> None:
    with without_table("console_auditoutcome"):
        run_once()
