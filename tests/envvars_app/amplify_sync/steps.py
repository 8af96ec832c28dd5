"""Steps of these tests: pull, push, and what the rows and the audit trail say afterwards."""

from django.utils import timezone

from console.access.policy import find_app
from console.amplify.pushes import Pushed
from console.amplify.service import service
from console.amplify.snapshots import read_snapshot
from console.models import AuditEvent, Branch
from envvars_app.amplify_sync.pulling import take_in
from envvars_app.amplify_sync.pushing import push
from envvars_app.models import SyncedScope, SyncedVariable
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.fixtures.people import World


def pull(world: World, remote: MemoryAmplify) -> None:
    """Take in what Amplify holds now."""
    access = find_app(world.actor("alice"), world.app.app_id)
    take_in(access, remote.snapshot(timezone.now()))


def read_amplify(world: World) -> None:
    """Read the app over HTTP, as a refresh does."""
    access = find_app(world.actor("alice"), world.app.app_id)
    take_in(access, read_snapshot(service(), world.app.app_id))


def push_now(world: World, remote: MemoryAmplify) -> Pushed:
    """Push what waits, as a command does."""
    return push(remote, world.app, None)


def states(world: World, branch: Branch | None = None) -> dict[str, str]:
    """Return the state of each variable of a scope that isn't the same on both sides."""
    rows = SyncedVariable.objects.filter(scope__app=world.app, scope__branch=branch)
    return {row.key: str(row.state) for row in rows.exclude(state="")}


def events(*kinds: str) -> list[tuple[str, str, str, str]]:
    """Return (first name, action, subject, outcome), oldest first. Open ones have outcome ""."""
    found = []
    for event in AuditEvent.objects.order_by("id"):
        if event.action.startswith(kinds):
            outcome = event.outcomes.last()
            name = event.actor.partition("@")[0]
            found.append((name, event.action, event.subject, outcome.outcome if outcome else ""))
    return found


def end_leases() -> None:
    """Let the time pass in which a lost request can still arrive."""
    SyncedScope.objects.update(held_until=None)
