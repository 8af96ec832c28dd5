"""Redeploy a branch: once, permitted like a write, audited, with a reason that says who and why.

Guarantees 41 and 42, for connected apps.
"""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from console.amplify import pushes
from console.amplify.errors import LimitReached, OutcomeUnknown, Throttled
from console.amplify.pushes import PATIENCE, Pushed, push_pending
from console.amplify.service import service
from console.audit.events import Action
from console.models import Connection
from console.workflows.deployments import acting
from tests.factories import (
    audit_events,
    connect,
    create_branch,
    deploy,
    last_event_id,
    look,
    only_event,
    outcomes_of,
    set_secret,
    set_variable,
    shown_jobs,
)
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account, with main and dev deployed once and looked at."""
    connect(world, console_on_amplify)
    deploy(world, console_on_amplify, "main")
    deploy(world, console_on_amplify, "dev")
    look(world)
    console_on_amplify.forget_requests()
    return console_on_amplify


def redeploy(world: World, name: str = "bob", shown: str = "1") -> str:
    actor = world.actor(name)
    return acting.redeploy(actor=actor, app_id="d1shop", pk=world.dev.pk, shown=shown).job_id


def test_it_works(world: World, amplify: AmplifyServer) -> None:
    set_secret(world, "API_KEY", "value", world.dev)
    [saved] = [event for event in audit_events() if event.subject == "API_KEY"]
    before = last_event_id()
    assert redeploy(world) == "2"
    assert amplify.operations() == ["ListJobs", "StartJob"]
    [job, _] = amplify.jobs("d1shop", "dev")
    assert job["summary"]["jobType"] == "RELEASE"
    assert job["reason"] == f"change set {saved.change_set}, by bob@example.org in Branchkeep"
    event = only_event(after=before)
    assert (event.action, event.branch) == (Action.DEPLOYMENT_STARTED, "dev")
    assert (event.version_before, event.outcomes.get().version_after) == (1, 2)
    assert outcomes_of(event) == ["succeeded"]
    assert shown_jobs(world, "dev")[0] == ("2", "PENDING")


def test_amplify_gets_no_value(
    world: World, amplify: AmplifyServer, store_calls: StoreCalls
) -> None:
    set_secret(world, "API_KEY", "CANARY-7f3a", world.dev)
    store_calls.clear()
    redeploy(world)
    assert "CANARY-7f3a" not in str(amplify.requests())
    assert not {"read", "read_version"} & {*store_calls.operations}


def test_reason_without_changes(world: World, amplify: AmplifyServer) -> None:
    redeploy(world)
    assert amplify.jobs("d1shop", "dev")[0]["reason"] == (
        "no changes, by bob@example.org in Branchkeep"
    )


def test_several_change_sets(world: World, amplify: AmplifyServer) -> None:
    for number in range(3):
        set_secret(world, f"KEY_{number}", "value", world.dev)
    redeploy(world)
    assert " and 2 more, by bob@" in amplify.jobs("d1shop", "dev")[0]["reason"]


def test_second_press_starts_no_second_job(world: World, amplify: AmplifyServer) -> None:
    redeploy(world)
    with pytest.raises(ValidationError, match="Deployment 2 is running, so nothing was started"):
        redeploy(world)
    amplify.finish_job("d1shop", "dev")
    with pytest.raises(ValidationError, match="Deployment 2 was started after you opened"):
        redeploy(world)
    assert amplify.count("StartJob") == 1


def test_two_presses_at_once(world: World, amplify: AmplifyServer) -> None:
    amplify.before("StartJob").start_job("d1shop", "dev")
    with pytest.raises(ValidationError, match="Deployment 2 is running, so nothing was started"):
        redeploy(world)
    assert len(amplify.jobs("d1shop", "dev")) == 2


def test_limit_of_the_account(world: World, amplify: AmplifyServer) -> None:
    amplify.next("error", on="StartJob", code="LimitExceededException", status=429)
    with pytest.raises(LimitReached):
        redeploy(world)
    assert outcomes_of(audit_events()[-1]) == ["failed"]


def test_throttled(world: World, amplify: AmplifyServer) -> None:
    amplify.always("throttled", on="StartJob")
    with pytest.raises(Throttled):
        redeploy(world)
    assert outcomes_of(audit_events()[-1]) == ["failed"]
    assert len(amplify.jobs("d1shop", "dev")) == 1


def test_lost_answer_of_a_job_that_started(world: World, amplify: AmplifyServer) -> None:
    amplify.next("lost", on="StartJob")
    assert redeploy(world) == "2"
    assert amplify.operations() == ["ListJobs", "StartJob", "ListJobs", *["GetJob"] * 2]
    assert outcomes_of(audit_events()[-1]) == ["succeeded"]


def test_lost_answer_and_no_list(world: World, amplify: AmplifyServer) -> None:
    amplify.next("slow", on="ListJobs")  # the one before it works
    amplify.next("denied", on="ListJobs")
    amplify.next("lost", on="StartJob")
    with pytest.raises(OutcomeUnknown):
        redeploy(world)
    event = audit_events()[-1]
    assert outcomes_of(event) == ["unknown"]
    look(world)
    assert outcomes_of(event) == ["unknown", "settled"]
    assert event.outcomes.last().detail.startswith("Amplify has deployment 2")  # type: ignore[union-attr]
    with pytest.raises(ValidationError, match="Deployment 2 is running"):
        redeploy(world)
    assert amplify.count("StartJob") == 1


@pytest.mark.parametrize("name", ["vera", "charlie", "olga"])
def test_who_may_not(world: World, amplify: AmplifyServer, name: str) -> None:
    with pytest.raises(PermissionDenied if name == "vera" else Http404):
        redeploy(world, name)
    assert amplify.count() == 0


def test_protected_branch(world: World, amplify: AmplifyServer) -> None:
    with pytest.raises(PermissionDenied):
        acting.redeploy(actor=world.actor("bob"), app_id="d1shop", pk=world.main.pk, shown="1")
    assert outcomes_of(audit_events()[-1]) == ["denied"]
    acting.redeploy(actor=world.actor("mia"), app_id="d1shop", pk=world.main.pk, shown="1")
    assert amplify.count("StartJob") == 1


def test_branch_of_another_app(world: World, amplify: AmplifyServer) -> None:
    with pytest.raises(Http404):
        acting.redeploy(
            actor=world.actor("alice"), app_id="d1shop", pk=world.other_branch.pk, shown=""
        )


def test_branch_that_amplify_does_not_have(world: World, amplify: AmplifyServer) -> None:
    local = create_branch(world, "local")
    with pytest.raises(ValidationError, match="Amplify has no branch of this name"):
        acting.redeploy(actor=world.actor("alice"), app_id="d1shop", pk=local.pk, shown="")


def test_app_that_is_not_connected(world: World, amplify: AmplifyServer) -> None:
    Connection.objects.all().delete()
    with pytest.raises(ValidationError, match="not connected"):
        redeploy(world)
    assert amplify.count() == 0


def test_first_deployment(world: World, amplify: AmplifyServer) -> None:
    amplify.delete_branch("d1shop", "dev")
    amplify.add_branch("d1shop", "dev")
    assert redeploy(world, shown="") == "1"


def test_what_waits_is_pushed_first(
    world: World, amplify: AmplifyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "_pushes", [lambda *_, at_once: Pushed(waiting=2)])
    with pytest.raises(ValidationError, match="2 changes saved here did not reach Amplify"):
        redeploy(world)
    assert amplify.count("StartJob") == 0


def test_what_failed_a_moment_ago_is_pushed_first(world: World, amplify: AmplifyServer) -> None:
    amplify.always("throttled", on="UpdateBranch")
    set_variable(world, "API_URL", "ours", world.dev)
    push_pending(service(), world.app, PATIENCE)
    amplify.heal()
    redeploy(world)
    assert amplify.variables("d1shop", "dev") == {"API_URL": "ours"}


def test_what_needs_a_decision_does_not_prevent_it(
    world: World, amplify: AmplifyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "_pushes", [lambda *_, at_once: Pushed(done=1, left=1)])
    actor = world.actor("bob")
    started = acting.redeploy(actor=actor, app_id="d1shop", pk=world.dev.pk, shown="1")
    assert (started.job_id, started.left) == ("2", 1)
