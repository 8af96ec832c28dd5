"""Connect a `World`'s app to the fake Amplify, and inspect its deployments."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from console.models import BranchConnection, Connection
from console.workflows.deployments import effects
from console.workflows.deployments.effects import BranchState
from console.workflows.deployments.reading import refresh
from tests.factories.console import access_of
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


def connect(world: World, amplify: AmplifyServer) -> None:
    """Connect the app, with its branches, directly: no service, no audit event."""
    now = timezone.now()
    amplify.add_app(world.app.app_id, "Shop", production_branch="main")
    Connection.objects.create(app=world.app, connected_at=now, connected_by="olga@example.org")
    for branch in (world.main, world.dev):
        amplify.add_branch(world.app.app_id, branch.name)
        BranchConnection.objects.create(branch=branch, seen_at=now)


def deploy(world: World, amplify: AmplifyServer, name: str, status: str = "SUCCEED") -> str:
    """Deploy a branch in Amplify, as a push does, and return the job's id."""
    job_id = amplify.start_job(world.app.app_id, name, "RELEASE", "Add a cart")
    amplify.finish_job(world.app.app_id, name, status)
    return job_id


def look(world: World, name: str = "alice", **options: Any) -> None:
    """Refresh the app's deployments as a page does, however recently that was done."""
    Connection.objects.update(jobs_attempted_at=timezone.now() - timedelta(minutes=5))
    BranchConnection.objects.update(jobs_read_at=timezone.now() - timedelta(minutes=5))
    refresh(actor=world.actor(name), app_id=world.app.app_id, **options)


def state_of(world: World, name: str) -> BranchState:
    """Return what pages show of a branch's deployments."""
    states = effects.of_app(access_of(world, "alice")).branches.values()
    return next(state for state in states if state.branch.name == name)


def shown_jobs(world: World, name: str) -> list[tuple[str, str]]:
    """Return a branch's deployments that are kept, newest first: id and status."""
    return [(it.job_id, it.status) for it in state_of(world, name).deployments]
