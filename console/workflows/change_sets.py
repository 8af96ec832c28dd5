"""Change sets: what one save wrote, and what undoing it would do.

Who, when and how each row ended comes from the audit trail. What undoing does is up to the sources.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import Http404

from console.access.branches import JOINED_BY
from console.access.policy import Access
from console.audit.change_sets import CHANGES, is_lone_mirror
from console.audit.events import COMPLETED, Action, Outcome
from console.audit.labels import OUTCOME_LABELS
from console.audit.queries import ATTEMPTED, with_outcomes
from console.environment.sources import sources
from console.environment.undo import UndoRow, UndoState
from console.models import AuditEvent

_REMOVED = "Removed"
MADE_OF_VARIABLE = "It was moved from a variable, whose value was erased"


@dataclass(frozen=True)
class Change:
    """What a change set did to one secret or variable.

    `noun` is that of its source. `outcome` is the last event's, "" if it has none yet. `undo` is
    None where there is nothing that a source could undo.
    """

    noun: str
    scope: str
    key: str
    what: str
    outcome: str
    detail: str
    undo: UndoRow | None
    url: str

    @property
    def outcome_label(self) -> str:
        """Return how it ended, in a word."""
        if self.outcome == Outcome.SUCCEEDED:
            return self.what if self.what == _REMOVED else "Saved"
        return "Conflict" if self.is_conflict else OUTCOME_LABELS.get(self.outcome, self.outcome)

    @property
    def is_conflict(self) -> bool:
        """Return True if somebody else was faster."""
        return self.outcome == Outcome.FAILED and self.detail == "conflict"


@dataclass(frozen=True)
class Undone:
    """A change set that undid another one, and who did that when."""

    id: UUID
    by: str
    at: datetime


@dataclass(frozen=True)
class ChangeSet:
    """What one save wrote. `undoes` is the change set that it undid, `undone` those that undid it.

    `kind` is the kind of its actor.
    """

    id: UUID
    by: str
    kind: str
    at: datetime
    changes: Sequence[Change]
    undoes: UUID | None
    undone: Sequence[Undone]

    @cached_property
    def ready(self) -> Sequence[UndoRow]:
        """Return what can be undone."""
        rows = (change.undo for change in self.changes if change.undo)
        return [row for row in rows if row.state is UndoState.READY]

    @property
    def scopes(self) -> list[str]:
        """Return the scopes that it wrote to."""
        return list(dict.fromkeys(change.scope for change in self.changes))


def find(access: Access, pk: UUID) -> ChangeSet:
    """Return a change set of the app. Takes as many queries for many rows as for one.

    Raises Http404 if nothing was written under this id.
    """
    events = with_outcomes(AuditEvent.objects.filter(app_id=access.app.app_id, change_set=pk))
    found = [
        event for event in reversed(events) if event.action in {*CHANGES, Action.CHANGES_UNDONE}
    ]
    if not found:
        raise Http404("Change set not found.")
    start = next((it for it in found if it.action == Action.CHANGES_UNDONE), None)
    undone = undone_by(access, pk)
    return ChangeSet(
        pk,
        found[0].actor,
        found[0].actor_kind,
        found[0].at,
        list(_changes(access, pk, found, [it.id for it in undone])),
        UUID(start.subject) if start else None,
        undone,
    )


def undone_by(access: Access, pk: UUID) -> list[Undone]:
    """Return the change sets that undid one, as a whole or in part, newest first."""
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id, subject=str(pk), action=Action.CHANGES_UNDONE
    )
    return [Undone(it.change_set, it.actor, it.at) for it in events if it.change_set]


def plan(access: Access, pk: UUID, undone: Sequence[UUID]) -> Iterator[tuple[str, UndoRow]]:
    """Yield what undoing a change set would do, each with its source's noun."""
    moved = AuditEvent.objects.filter(
        app_id=access.app.app_id,
        change_set=pk,
        action=Action.VARIABLE_MOVED,
        outcomes__outcome=Outcome.SUCCEEDED,
    )
    names = {*moved.values_list("branch", "subject")}
    for source in sources():
        for row in source.undo_plan(access, pk, undone):
            is_moved = any((scope, row.key) in names for scope in row.scope.split(JOINED_BY))
            yield source.noun, _kept(row) if source.is_confidential and is_moved else row


def _kept(row: UndoRow) -> UndoRow:
    """Return the row of a secret that is the only place of a value, and so stays."""
    return replace(
        row,
        state=UndoState.IMPOSSIBLE,
        after="Stays as it is",
        effect=None,
        message=MADE_OF_VARIABLE,
        at=None,
        known_to=(),
    )


def _changes(
    access: Access, pk: UUID, events: Sequence[Any], undone: Sequence[UUID]
) -> Iterator[Change]:
    rows = {(noun, row.scope, row.key): row for noun, row in plan(access, pk, undone)}
    by_noun = {source.noun: source for source in sources()}
    grouped: dict[tuple[str, str, str], list[Any]] = {}
    for event in events:
        if noun := CHANGES.get(event.action):
            grouped.setdefault((noun, event.branch, event.subject), []).append(event)
    for (noun, scope, key), found in grouped.items():
        row, source = rows.get((noun, scope, key)), by_noun.get(noun)
        yield Change(
            noun,
            scope,
            key,
            _what(found),
            found[-1].last_outcome or ATTEMPTED,
            found[-1].last_detail or "",
            row,
            source.url(access, row.pk) if source and row and row.pk else "",
        )


def _what(events: Sequence[Any]) -> str:
    """Return what events did to one secret or variable, such as "Version 3 to 4"."""
    done = [it for it in events if it.last_outcome in COMPLETED]
    if not done:
        return "Not known yet" if _is_open(events[-1]) else "Not written"
    before, last = done[0].version_before or 0, done[-1]
    after = last.version_after or 0
    if before == after and not is_lone_mirror(last):
        return "Not written"
    if last.action in _WORDS:
        return _WORDS[last.action]
    return f"Version {before} to {after}" if before else f"Added, version {after}"


def _is_open(event: Any) -> bool:
    return event.last_outcome in {None, Outcome.UNKNOWN}


_WORDS = {
    Action.SECRET_REMOVED: _REMOVED,
    Action.PARAMETER_REMOVED: _REMOVED,
    Action.PARAMETER_RESTORED: "Restored",
    Action.VARIABLE_REMOVED: _REMOVED,
    Action.VARIABLE_RENAMED: "Renamed",
    Action.VARIABLE_MOVED: "Moved to the secrets",
}
