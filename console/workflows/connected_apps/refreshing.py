"""Refresh connected apps: read Amplify once, and let everyone who keeps a part take it in.

At most once a minute and app, in one process. A process that is killed leaves nothing half done:
branches are stored in one transaction, and the next refresh takes in the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from console.access.actors import BACKGROUND, Actor
from console.access.policy import Access, find_app
from console.amplify.errors import AmplifyError
from console.amplify.pushes import PATIENCE, Pushed, push_pending
from console.amplify.service import service
from console.amplify.snapshots import Snapshot, consumers, read_snapshot
from console.audit.events import Action
from console.environment.sources import sources
from console.models import App, Connection
from console.workflows.connected_apps import branches
from console.workflows.connected_apps.branches import Plan

INTERVAL = timedelta(minutes=1)  # between the starts of two refreshes that pages ask for


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How a refresh ended. `plan` is None if nothing was stored; `problem` says why."""

    app: App
    plan: Plan | None = None
    problem: str = ""
    pushed: Pushed = field(default_factory=Pushed)


def is_due(connection: Connection) -> bool:
    """Return True if the app wasn't refreshed within the last minute."""
    now, last = timezone.now(), connection.attempted_at
    # An attempt that is further ahead was made before the clock was set back.
    return last is None or not abs(now - last) < INTERVAL


def refresh_for_page(*, actor: Actor, app_id: str) -> Refreshed:
    """Refresh an app if it is connected and due, and push what waits. Every member may cause it.

    Raises Http404 for outsiders, but no AmplifyError: pages stand without Amplify.
    """
    app = find_app(actor, app_id).app
    now = timezone.now()
    recent = Q(attempted_at__gt=now - INTERVAL, attempted_at__lt=now + INTERVAL)
    due = Connection.objects.filter(Q(attempted_at=None) | ~recent, app=app)
    # The conditional UPDATE succeeds in only one of all processes.
    if not due.update(attempted_at=now):
        return Refreshed(app)
    result = _refresh(app)
    return result if result.problem else _push(result, PATIENCE)


def sync_all(app_id: str = "") -> Iterator[Refreshed]:
    """Refresh the connected apps, or one of them, due or not, and push what waits.

    Raises Misconfigured if Amplify is off.
    """
    service()
    connected = App.objects.exclude(connection=None).order_by("app_id")
    for app in connected.filter(app_id=app_id) if app_id else connected:
        Connection.objects.filter(app=app).update(attempted_at=timezone.now())
        result = _refresh(app)
        yield result if result.problem else _push(result)


def _push(result: Refreshed, patience: float | None = None) -> Refreshed:
    pushed = push_pending(service(), result.app, patience)
    return replace(result, problem=pushed.problem, pushed=pushed)


def _refresh(app: App) -> Refreshed:
    try:
        snapshot = read_snapshot(service(), app.app_id)
    except AmplifyError as error:
        Connection.objects.filter(app=app).update(problem=error.code[:100])
        return Refreshed(app, problem=error.message)
    decided = branches.store(app, snapshot)
    if decided is not None:
        take_in(app, snapshot, has_new_branches=bool(decided.number(Action.FOUND_BRANCH_ADDED)))
    return Refreshed(app, decided)


def take_in(app: App, snapshot: Snapshot, *, has_new_branches: bool) -> None:
    """Let the feature apps keep their part of the snapshot, whose branches are stored.

    New branches may have values in the parameter store, which are found at once.
    """
    access = Access(BACKGROUND, app, ())
    for consumer in consumers():
        consumer(access, snapshot)
    for source in sources() if has_new_branches else ():
        source.refresh(access)
    Connection.objects.filter(app=app).update(problem="", attempted_at=timezone.now())
