"""Stop a running deployment: permitted like a write, audited, and settled if the answer is lost.

Guarantee 42.
"""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from console.amplify.errors import OutcomeUnknown
from console.audit.events import Action
from console.workflows.deployments import acting
from tests.factories import audit_events, connect, look, only_event, outcomes_of, shown_jobs
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account, with a deployment of dev running."""
    connect(world, console_on_amplify)
    console_on_amplify.start_job("d1shop", "dev")
    look(world)
    console_on_amplify.forget_requests()
    return console_on_amplify


def stop(world: World, name: str = "bob", job_id: str = "1") -> None:
    acting.stop(actor=world.actor(name), app_id="d1shop", pk=world.dev.pk, job_id=job_id)


def test_it_works(world: World, amplify: AmplifyServer) -> None:
    stop(world)
    assert amplify.operations() == ["StopJob"]
    assert shown_jobs(world, "dev") == [("1", "CANCELLING")]
    event = only_event()
    assert (event.action, event.branch, event.version_before) == (
        Action.DEPLOYMENT_STOPPED,
        "dev",
        1,
    )
    assert outcomes_of(event) == ["succeeded"]
    amplify.advance_job("d1shop", "dev")
    look(world)
    assert shown_jobs(world, "dev") == [("1", "CANCELLED")]


def test_it_has_ended(world: World, amplify: AmplifyServer) -> None:
    amplify.finish_job("d1shop", "dev")
    with pytest.raises(ValidationError, match="Deployment 1 is not running any longer"):
        stop(world)
    assert shown_jobs(world, "dev") == [("1", "SUCCEED")]


def test_lost_answer(world: World, amplify: AmplifyServer) -> None:
    amplify.next("lost", on="StopJob")
    stop(world)
    assert amplify.operations() == ["StopJob", "GetJob"]
    assert outcomes_of(only_event()) == ["succeeded"]


def test_lost_answer_and_nothing_to_see(world: World, amplify: AmplifyServer) -> None:
    amplify.next("lost", on="StopJob")
    amplify.next("denied", on="GetJob")
    with pytest.raises(OutcomeUnknown):
        stop(world)
    look(world)
    event = only_event()
    assert outcomes_of(event) == ["unknown", "settled"]
    assert event.outcomes.get(outcome="settled").detail == "Deployment 1 was stopped."


@pytest.mark.parametrize("job_id", ["", "x", "0", "1/../2", "\u0661", "9" * 300])
def test_no_such_deployment(world: World, amplify: AmplifyServer, job_id: str) -> None:
    with pytest.raises(ValidationError):
        stop(world, job_id=job_id)
    assert amplify.count() == 0


def test_viewer(world: World, amplify: AmplifyServer) -> None:
    with pytest.raises(PermissionDenied):
        stop(world, "vera")
    assert outcomes_of(audit_events()[-1]) == ["denied"]
    assert amplify.count() == 0
