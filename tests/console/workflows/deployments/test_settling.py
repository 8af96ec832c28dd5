"""Redeploys that nobody concluded are settled by the next list of deployments (guarantee 8)."""

from datetime import timedelta

import pytest
from time_machine import Traveller

from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.models import AuditEvent
from tests.factories import connect, deploy, look, outcomes_of
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

MINUTE = timedelta(minutes=1)


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account, with dev deployed once."""
    connect(world, console_on_amplify)
    deploy(world, console_on_amplify, "dev")
    return console_on_amplify


def begin(world: World, outcome: Outcome | None = None) -> AuditEvent:
    """Record a redeploy of dev, as a process leaves it that is killed then."""
    target = Target("d1shop", "dev", "dev")
    event = attempt(world.actor("bob"), Action.DEPLOYMENT_STARTED, target, version_before=1)
    if outcome:
        conclude(event.pk, outcome)
    return event


def test_it_works(world: World, amplify: AmplifyServer) -> None:
    event = begin(world, Outcome.UNKNOWN)
    deploy(world, amplify, "dev", "FAILED")
    look(world)
    settled = event.outcomes.get(outcome="settled")
    assert settled.version_after == 2
    assert settled.detail == "Amplify has deployment 2, which started afterwards."


def test_nothing_started(world: World, amplify: AmplifyServer, clock: Traveller) -> None:
    event = begin(world, Outcome.UNKNOWN)
    look(world)
    assert outcomes_of(event) == ["unknown"]  # the request may still arrive
    clock.shift(3 * MINUTE)
    look(world)
    assert outcomes_of(event) == ["unknown", "settled"]
    settled = event.outcomes.get(outcome="settled")
    assert (settled.version_after, settled.detail) == (None, "Amplify started no deployment.")


def test_killed_before_the_outcome(world: World, amplify: AmplifyServer, clock: Traveller) -> None:
    event = begin(world)
    deploy(world, amplify, "dev")
    look(world)
    assert outcomes_of(event) == []  # its process may still be running
    clock.shift(11 * MINUTE)
    look(world)
    assert outcomes_of(event) == ["settled"]


def test_settled_once(world: World, amplify: AmplifyServer) -> None:
    event = begin(world, Outcome.UNKNOWN)
    deploy(world, amplify, "dev")
    look(world)
    look(world)
    assert outcomes_of(event) == ["unknown", "settled"]


def test_other_branches_and_apps_stay(world: World, amplify: AmplifyServer) -> None:
    event = begin(world, Outcome.UNKNOWN)
    deploy(world, amplify, "main")
    look(world)
    assert outcomes_of(event) == ["unknown"]
