"""Audit events of a push: one for each change, by the one who saved it, if they still may."""

import uuid
from collections.abc import Sequence
from typing import TypeVar

from django.http import Http404

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all
from console.models import App, scope_name
from envvars_app.models import Synced, SyncedScope, SyncedVariable

DENIED = "The person who saved this may no longer change it here."
NOT_ARRIVED = "It did not reach Amplify."
BUILD_SETTINGS = "Build settings"
Row = TypeVar("Row", bound=Synced)


def attempt(scope: SyncedScope, rows: Sequence[Row]) -> list[Row]:
    """Write the audit events, and return the rows that may be pushed.

    The others are recorded as denied, and stay here until somebody else decides. Needs a
    transaction; the caller stores the rows.
    """
    _conclude_unfinished(rows)
    accesses: dict[tuple[int | None, str], Access | None] = {}
    for row in rows:
        author = (row.pending_user, row.pending_by)
        if author not in accesses:
            accesses[author] = _access(scope.app, _actor(row))
    denied = []
    for row in rows:
        access = accesses[row.pending_user, row.pending_by]
        if access is None or not access.may_on(Permission.WRITE, scope.branch):
            denied.append(row)
    _write_events(scope, rows)
    _deny(denied)
    return [row for row in rows if not row.problem]


def target_of(scope: SyncedScope, row: Synced) -> Target:
    """Return how the audit trail names a variable or a build specification."""
    subject = row.key if isinstance(row, SyncedVariable) else BUILD_SETTINGS
    return Target(scope.app.app_id, scope_name(scope.branch), subject)


def _conclude_unfinished(rows: Sequence[Synced]) -> None:
    """Conclude attempts that an earlier push left open: Amplify doesn't hold what they sent."""
    unfinished = [row for row in rows if row.event_id is not None]
    conclude_all((row.event_id or 0, Outcome.SETTLED, None, NOT_ARRIVED) for row in unfinished)
    for row in unfinished:
        row.event_id = None


def _write_events(scope: SyncedScope, rows: Sequence[Synced]) -> None:
    groups: dict[tuple[int | None, str, uuid.UUID | None], list[Synced]] = {}
    for row in rows:
        author = (row.pending_user, row.pending_by, row.change_set)
        groups.setdefault(author, []).append(row)
    for group in groups.values():
        attempts = [(_action(row), target_of(scope, row), None) for row in group]
        events = attempt_all(_actor(group[0]), attempts, change_set=group[0].change_set)
        for row, event in zip(group, events, strict=True):
            row.event_id = event.pk


def _action(row: Synced) -> Action:
    is_variable = isinstance(row, SyncedVariable)
    return Action.VARIABLE_PUSHED if is_variable else Action.BUILD_PUSHED


def _deny(rows: Sequence[Synced]) -> None:
    if not rows:
        return
    conclude_all((row.event_id or 0, Outcome.DENIED, None, "") for row in rows)
    for row in rows:
        row.event_id, row.problem = None, DENIED


def _actor(row: Synced) -> Actor:
    """Return the one who saved. Branchkeep pushes for them in the background."""
    return Actor(kind="background", label=row.pending_by, user_id=row.pending_user)


def _access(app: App, actor: Actor) -> Access | None:
    try:
        return find_app(actor, app.app_id)
    except Http404:
        return None
