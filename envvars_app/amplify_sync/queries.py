"""Queries for pages: how the variables of a connected app compare with Amplify. No call to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from console.access.policy import Access, Permission
from console.lib.text.invisible import preview_value
from console.models import App, Connection, scope_name
from envvars_app.amplify_sync.deciding import fingerprint, fingerprint_of
from envvars_app.models import (
    MapVersion,
    SyncedBuildSpec,
    SyncedScope,
    SyncedVariable,
    SyncState,
    Variable,
)
from envvars_app.variables.queries import Counterpart, VariableRow, preview_of

MAX_SHOWN = 100  # differences on one page

# By branch id and key: the state, and the row's id
States = dict[tuple[int | None, str], tuple[str, int]]


@dataclass(frozen=True)
class Status:
    """How a connected app's variables stand. `read_at` is None until Amplify was first read.

    `waiting` are pushed by themselves, `undecided` need somebody's decision.
    """

    read_at: datetime | None
    problem: str
    waiting: int
    undecided: int
    states: States = field(default_factory=dict)


def connection_of(app: App) -> Connection | None:
    """Return an app's connection. Takes no query if it was loaded with the app."""
    return getattr(app, "connection", None)


def status_of(access: Access) -> Status | None:
    """Return how the variables stand, or None if the app isn't connected. Takes two queries."""
    if connection_of(access.app) is None:
        return None
    states: States = {}
    waiting = undecided = 0
    row: Any
    columns = ("scope__branch_id", "key", "state", "problem", "pk")
    for row in _different(access.app).values_list(*columns):
        branch_id, key, state, problem, pk = row
        is_waiting = state == SyncState.PENDING and not problem
        states[branch_id, key] = (state if is_waiting or not problem else "denied", pk)
        waiting += is_waiting
        undecided += not is_waiting
    scopes = [*_scopes(access.app)]
    reads = [scope.read_at for scope in scopes if scope.read_at is not None]
    problem = next((scope.problem for scope in scopes if scope.problem), "")
    return Status(max(reads, default=None), problem, waiting, undecided, states)


def pending_keys(access: Access) -> set[tuple[int | None, str]]:
    """Return (branch id, key) of what waits to be pushed. Takes a query in a connected app."""
    if connection_of(access.app) is None:
        return set()
    rows = _different(access.app).filter(state=SyncState.PENDING)
    return set(rows.values_list("scope__branch_id", "key"))


@dataclass(frozen=True)
class Difference:
    """A variable that needs a decision, with both values. None is no variable."""

    row: SyncedVariable
    scope: str
    ours: Any
    theirs: Any
    seen: str
    may_write: bool
    variable: Variable | None


def differences(access: Access) -> Sequence[Difference]:
    """Return what needs a decision, at most MAX_SHOWN. Takes two queries."""
    undecided = ~Q(state=SyncState.PENDING) | ~Q(problem="")
    rows = _different(access.app).filter(undecided).select_related("scope__app", "scope__branch")
    shown = list(rows.order_by("key", "scope__branch__sort_key")[:MAX_SHOWN])
    live = access.app.variables.filter(removed_at=None, key__in={row.key for row in shown})
    ours = {(variable.branch_id, variable.key): variable for variable in live}
    return [_difference(access, row, ours.get((row.scope.branch_id, row.key))) for row in shown]


def _difference(access: Access, row: SyncedVariable, variable: Variable | None) -> Difference:
    ours, theirs = variable.value if variable else None, row.held
    return Difference(
        row=row,
        scope=scope_name(row.scope.branch),
        ours=None if ours is None else preview_value(ours, theirs or ""),
        theirs=None if theirs is None else preview_value(theirs, ours or ""),
        seen=fingerprint_of(row, variable),
        may_write=access.may_on(Permission.WRITE, row.scope.branch),
        variable=variable,
    )


def add_counterparts(rows: Sequence[VariableRow], status: Status) -> None:
    """Give each row what Amplify holds, if that differs. Takes one query if one needs it."""
    states = {row.pk: status.states.get((row.branch_id, row.key)) for row in rows}
    undecided = [it[1] for it in states.values() if it and it[0] != SyncState.PENDING]
    found = SyncedVariable.objects.in_bulk(undecided) if undecided else {}
    for row in rows:
        if state := states[row.pk]:
            row.counterpart = _counterpart(row, *state, found)


def _counterpart(
    row: VariableRow, state: str, pk: int, found: Mapping[int, SyncedVariable]
) -> Counterpart:
    synced = found.get(pk)
    if synced is None:
        return Counterpart(state, pk)
    preview = None if synced.held is None else preview_of(synced.held)
    return Counterpart(state, pk, fingerprint(synced.held, row.pk, row.version), preview)


def auto_branch_variables(app: App) -> dict[str, str]:
    """Return the variables that Amplify gives to branches that it creates."""
    found = app.synced_scopes.filter(branch=None).values_list("auto_branch", flat=True).first()
    return dict(found or {})


def map_versions(app: App) -> QuerySet[MapVersion]:
    """Return what Amplify held before each push, newest first."""
    versions = MapVersion.objects.filter(scope__app=app).select_related("scope__branch")
    return versions.order_by("-pk")


def build_spec_of(app: App, branch_id: int | None) -> SyncedBuildSpec | None:
    """Return how a scope's build specification compares with Amplify's. Takes one query."""
    rows = SyncedBuildSpec.objects.filter(scope__app=app, scope__branch=branch_id)
    return rows.select_related("scope__app", "scope__branch").first()


def _different(app: App) -> QuerySet[SyncedVariable]:
    return SyncedVariable.objects.filter(_live(), scope__app=app).exclude(state=SyncState.SAME)


def _live() -> Q:
    """Return the condition of rows whose branch wasn't deleted."""
    return Q(scope__branch=None) | Q(scope__branch__deleted_at=None)


def _scopes(app: App) -> QuerySet[SyncedScope]:
    return app.synced_scopes.filter(Q(branch=None) | Q(branch__deleted_at=None))
