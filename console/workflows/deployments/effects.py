"""What takes effect when: which keys have changed since a branch was last deployed.

A deployment gives the values that were there when it started, so a change counts until a deployment
that started after it has succeeded or is running. The audit trail knows every change, including
removals and what was found to have changed outside Branchkeep (from when it was found). A variable
counts from when it reached Amplify.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from console.access.branches import JOINED_BY
from console.access.policy import Access
from console.amplify.base import JobStatus
from console.audit.events import Action, Outcome
from console.audit.queries import events_since, with_outcomes
from console.environment.sources import sources
from console.lib.clock import oldest
from console.lib.naming.names import ALL_BRANCHES
from console.models import Branch, Deployment
from console.workflows.deployments.reading import RUNNING, connection_of

LIMIT = 2_000  # newest changes that are looked at
_SECRET = {
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED),
    *(Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED),
}
_VARIABLE = {
    *(action for action in Action if action.startswith("variable.")),
    *(Action.VARIABLE_PUSHED, Action.FOUND_VARIABLE),  # when Amplify got it
}
_CHANGES = [*_SECRET, *_VARIABLE]
_HAPPENED = (Outcome.SUCCEEDED, Outcome.UNKNOWN, Outcome.SETTLED)
LONGEST_PUSH = timedelta(days=7)  # from the first attempt on


@dataclass(frozen=True)
class Change:
    """The newest change of a key. `noun` is of its source, `scope` a branch or All branches."""

    noun: str
    scope: str
    key: str
    at: datetime
    change_set: UUID | None


@dataclass(frozen=True)
class BranchState:
    """A branch in Amplify: its deployments, newest first, and what changed since, newest first.

    `changes` is empty if the branch was never deployed.
    """

    branch: Branch
    read_at: datetime | None
    deployments: Sequence[Deployment]
    changes: Sequence[Change] = ()

    @property
    def latest(self) -> Deployment | None:
        """Return the newest deployment."""
        return self.deployments[0] if self.deployments else None

    @property
    def running(self) -> Deployment | None:
        """Return the deployment that is running."""
        return self.latest if self.latest and self.latest.status in RUNNING else None

    @property
    def live(self) -> Deployment | None:
        """Return the last deployment that succeeded."""
        return next((it for it in self.deployments if it.status == JobStatus.SUCCEED), None)

    @property
    def basis(self) -> Deployment | None:
        """Return the deployment that has, or is getting, the newest values."""
        return self.live if self.is_stopping else self.running or self.live

    @property
    def is_stopping(self) -> bool:
        """Return True if the running deployment is being stopped."""
        return self.running is not None and self.running.status == JobStatus.CANCELLING

    @property
    def keys(self) -> list[str]:
        """Return the keys that changed since, sorted."""
        return sorted({change.key for change in self.changes})


@dataclass(frozen=True)
class Effects:
    """The state of a connected app's branches, by branch id.

    `waiting` has (noun, scope, key) of what takes effect on some branch at the next deployment.
    """

    branches: dict[int, BranchState] = field(default_factory=dict)
    waiting: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def is_running(self) -> bool:
        """Return True if a deployment is running."""
        return any(state.running for state in self.branches.values())

    @property
    def read_at(self) -> datetime | None:
        """Return when the branch that was read longest ago was read; None if one never was."""
        return oldest(state.read_at for state in self.branches.values())


def of_app(access: Access) -> Effects:
    """Return what takes effect when, from the database alone. Empty if it isn't connected.

    Takes up to five queries, whatever the number of branches.
    """
    if connection_of(access) is None:
        return Effects()
    states = _states(access)
    since = {pk: start for pk, state in states.items() if (start := _start_of(state.basis))}
    changes = _changes(access, min(since.values())) if since else []
    own = _own_keys(access, changes)
    found: dict[int, BranchState] = {}
    waiting = set()
    for pk, state in states.items():
        relevant = [
            change
            for change in changes
            if pk in since and change.at >= since[pk] and _concerns(change, state.branch, own)
        ]
        waiting |= {(it.noun, it.scope, it.key) for it in relevant}
        found[pk] = BranchState(state.branch, state.read_at, state.deployments, relevant)
    return Effects(found, frozenset(waiting))


def _states(access: Access) -> dict[int, BranchState]:
    deployments: dict[int, list[Deployment]] = {}
    for row in Deployment.objects.filter(branch__app=access.app):
        deployments.setdefault(row.branch_id, []).append(row)
    return {
        branch.pk: BranchState(
            branch,
            branch.connection.jobs_read_at,
            sorted(deployments.get(branch.pk, ()), key=lambda it: it.number, reverse=True),
        )
        for branch in access.branches
        if branch.deleted_at is None and hasattr(branch, "connection")
    }


def _start_of(deployment: Deployment | None) -> datetime | None:
    return deployment.started_at if deployment else None


def _changes(access: Access, since: datetime) -> list[Change]:
    """Return the newest change of each key in each scope, newest first."""
    newer = events_since(since - LONGEST_PUSH)
    events = newer.filter(app_id=access.app.app_id, action__in=_CHANGES)
    # Pushing can take several attempts, and Amplify has the value since the last one.
    late = Q(action=Action.VARIABLE_PUSHED, last_at__gte=since)
    rows = with_outcomes(events).filter(Q(at__gte=since) | late)
    columns = ("action", "branch", "subject", "at", "last_at", "change_set", "last_outcome")
    found: dict[Any, Change] = {}
    for action, scopes, key, at, last_at, change_set, outcome in rows.values_list(*columns)[:LIMIT]:
        if action == Action.VARIABLE_PUSHED and last_at:
            at = last_at
        noun = "secret" if action in _SECRET else "variable"
        for scope in _names(scopes) if outcome in _HAPPENED else ():
            found.setdefault((noun, scope, key), Change(noun, scope, key, at, change_set))
    return list(found.values())


def _names(scopes: str) -> set[str]:
    """Return the branches that an event names: several can share their parameters."""
    return {scopes, *scopes.split(JOINED_BY)}


def _own_keys(access: Access, changes: Iterable[Change]) -> set[tuple[str, int, str]]:
    """Return (noun, branch id, key) of branches' own values that override a change."""
    own = set()
    for source in sources():
        keys = {it.key for it in changes if it.noun == source.noun and it.scope == ALL_BRANCHES}
        if keys:
            own |= {(source.noun, pk, key) for pk, key in source.overrides(access, keys)}
    return own


def _concerns(change: Change, branch: Branch, own: set[tuple[str, int, str]]) -> bool:
    if change.scope == branch.name:
        return True
    return change.scope == ALL_BRANCHES and (change.noun, branch.pk, change.key) not in own
