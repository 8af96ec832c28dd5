"""Undo what a change set did to parameters of no known branch: restore them, or remove them again.

The audit trail tells what was removed and restored. Each is an act of its own again.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied

from console.access import acts
from console.access.policy import Access
from console.audit.events import COMPLETED, Action, Outcome, Target
from console.audit.queries import with_outcomes
from console.audit.refusals import Refusal, record_refusals
from console.environment.undo import Effect, UndoRow, UndoState, refused
from console.lib.results import Result, RowOutcome
from console.lib.stopping import is_stopping
from console.models import AuditEvent
from secrets_app import recycle_bin
from secrets_app.history import parameter_bin
from secrets_app.history.undo_plan import (
    CHANGED_SINCE,
    NO_BIN,
    NOT_IN_BIN,
    NOT_SETTLED,
    NOT_WRITTEN,
)
from secrets_app.history.undoing import NOT_TRIED
from secrets_app.models import BinEntry, UnknownParameter
from secrets_app.store.errors import StoreError
from secrets_app.sync import unknown_removal
from secrets_app.writes.store_calls import STOPPING

_TOKEN = "parameter-"  # noqa: S105 - names a change in a form
_ACTIONS = (Action.PARAMETER_REMOVED, Action.PARAMETER_RESTORED)


@dataclass(frozen=True)
class Step:
    """What to do for one parameter: restore the entry, or remove the row."""

    row: UndoRow
    entry: BinEntry | None = None
    parameter: UnknownParameter | None = None


def plan(access: Access, change_set: UUID, undone_by: Collection[UUID]) -> list[Step]:
    """Return a step for each parameter of the change set. Takes as many queries for many."""
    events = _events(access, change_set=change_set)
    if not events:
        return []
    last = {event.subject: event for event in reversed(events)}  # the newest wins
    entries = recycle_bin.kept(access.app).filter(removal__in=[it.pk for it in last.values()])
    binned = {entry.removal_id: entry for entry in entries}
    folders = {path.rpartition("/")[0] for path in last}
    parameters = access.app.unknown_parameters.filter(folder__in=folders, claim=None)
    there = {row.path: row for row in parameters}
    undone = {
        it.subject: it
        for it in reversed(_events(access, change_set__in=[*undone_by]) if undone_by else [])
        if it.subject in last and it.last_outcome in COMPLETED
    }
    return [
        _step(access, event, binned.get(event.pk), there.get(path), undone.get(path))
        for path, event in last.items()
    ]


def undo(access: Access, steps: Iterable[Step], new: UUID) -> Iterator[RowOutcome]:
    """Undo steps, one after the other. Raises no StoreError."""
    with parameter_bin.restoring_many(access) as restored:
        yield from _undo_each(access, steps, new, restored)


def _undo_each(
    access: Access, steps: Iterable[Step], new: UUID, restored: list[BinEntry]
) -> Iterator[RowOutcome]:
    has_failed = False
    for step in steps:
        token = step.row.token
        if step.row.state is not UndoState.READY:
            if step.row.state is UndoState.DENIED:
                target = Target(access.app.app_id, step.row.scope, step.row.key)
                refusal = Refusal(step.row.repeats[0], target)
                record_refusals(access.actor, [refusal], change_set=new)
            yield refused(step.row)
        elif has_failed or is_stopping():
            yield RowOutcome(token, Result.NOT_TRIED, NOT_TRIED)
        else:
            try:
                result, message = _undo(access, step, new, restored)
            except StoreError as error:
                result, message = Result.FAILED, error.message
                has_failed = isinstance(error, STOPPING)
            yield RowOutcome(token, result, message)


def is_token(token: str) -> bool:
    """Return True if the token names a parameter."""
    return token.startswith(_TOKEN)


def _events(access: Access, **which: Any) -> Sequence[Any]:
    rows = AuditEvent.objects.filter(app_id=access.app.app_id, action__in=_ACTIONS, **which)
    return [*with_outcomes(rows)]


def _step(
    access: Access,
    event: Any,
    entry: BinEntry | None,
    parameter: UnknownParameter | None,
    undone: Any | None,
) -> Step:
    is_removal = event.action == Action.PARAMETER_REMOVED
    stays = "Stays removed" if is_removal else "Stays as it is"
    state: dict[str, Any] = {"state": UndoState.IMPOSSIBLE, "after": stays}
    repeats = [Action.PARAMETER_RESTORED if is_removal else Action.PARAMETER_REMOVED]
    if event.last_outcome in {None, Outcome.UNKNOWN}:
        state["message"] = NOT_SETTLED
    elif event.last_outcome not in COMPLETED or bool(event.version_after) == is_removal:
        nothing = {"state": UndoState.NOTHING, "after": "Nothing to undo", "message": NOT_WRITTEN}
        state = nothing
    elif undone:
        message = f"{undone.actor} undid it"
        state |= {"state": UndoState.UNDONE, "after": "Undone", "message": message, "at": undone.at}
    elif problem := _problem(event, entry, parameter):
        state["message"] = problem
    elif denial := _denial(access, repeats[0]):
        state |= {"state": UndoState.DENIED, "message": denial, "repeats": repeats}
    else:
        effect = Effect.ADDED if is_removal else Effect.REMOVED
        after = "Added again" if is_removal else "Removed"
        state = {"state": UndoState.READY, "after": after, "effect": effect, "repeats": repeats}
    token = f"{_TOKEN}{event.pk}"
    row = UndoRow(token=token, scope=event.branch, key=event.subject, pk=None, **state)
    return Step(row, entry, parameter)


def _problem(event: Any, entry: BinEntry | None, parameter: UnknownParameter | None) -> str:
    """Return why an act that happened can't be undone, or ""."""
    if event.action == Action.PARAMETER_REMOVED:
        return "" if entry else NOT_IN_BIN
    if not settings.BIN_DAYS:
        return NO_BIN
    return "" if parameter and parameter.version == event.version_after else CHANGED_SINCE


def _denial(access: Access, action: Action) -> str:
    try:
        acts.require(access, action)
    except PermissionDenied as denial:
        return str(denial)
    return ""


def _undo(access: Access, step: Step, new: UUID, restored: list[BinEntry]) -> tuple[Result, str]:
    if step.entry:
        outcome = parameter_bin.restore_one(access, step.entry, new, restored)
        return outcome.outcome, outcome.message
    chosen = [unknown_removal.token(step.parameter)] if step.parameter else []
    for removal in unknown_removal.remove(access=access, tokens=chosen, change_set=new):
        return removal.outcome, removal.message
    return Result.CONFLICT, CHANGED_SINCE
