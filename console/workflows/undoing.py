"""Undo a change set: each source undoes its own changes, under a new change set."""

from collections.abc import Callable, Collection, Iterator, Sequence
from uuid import UUID

from console.access import acts
from console.access.policy import Access
from console.audit.events import Action, Target, recording
from console.environment.sources import EnvironmentSource, sources
from console.environment.undo import UndoRow, UndoState, refused
from console.lib.results import RowOutcome
from console.models import AuditEvent
from console.workflows import change_sets

# A source refuses, and records, what the actor may not do
_TRIED = {UndoState.READY, UndoState.DENIED}
BATCH = 10  # of a source whose store takes only a few calls a second


def undo(
    access: Access,
    pk: UUID,
    tokens: Collection[str],
    new: UUID,
    *,
    may_go_on: Callable[[], bool],
) -> list[RowOutcome]:
    """Undo the changes that the tokens name, batch by batch while `may_go_on`, at least one.

    Returns the outcomes of those that were tried. Raises ConfirmationRequired if one of the acts
    that this repeats asks for recent re-authentication.
    """
    before = [it.id for it in change_sets.undone_by(access, pk)]
    rows = [
        (noun, row) for noun, row in change_sets.plan(access, pk, before) if row.token in tokens
    ]
    for action in {action for _, row in rows for action in row.repeats}:
        acts.require_recent_always(access.actor, action)
    _record(access, rows, pk, new)
    outcomes = [refused(row) for _, row in rows if row.state not in _TRIED]
    for number, (source, batch) in enumerate(_batches(rows)):
        if number and not may_go_on():
            break
        outcomes += source.undo(access, pk, [*before, new], batch, new)
    return outcomes


def _record(access: Access, rows: Sequence[tuple[str, UndoRow]], pk: UUID, new: UUID) -> None:
    """Record that the change set is undone, once for all batches, unless nothing will be."""
    if not any(row.state is UndoState.READY for _, row in rows):
        return
    target = Target(access.app.app_id, subject=str(pk))
    events = AuditEvent.objects.filter(change_set=new, action=Action.CHANGES_UNDONE)
    if not events.exists():
        with recording(access.actor, Action.CHANGES_UNDONE, target, change_set=new):
            pass  # each change is an act of its own


def _batches(
    rows: Sequence[tuple[str, UndoRow]],
) -> Iterator[tuple[EnvironmentSource, Sequence[str]]]:
    for source in sources():
        tokens = [row.token for noun, row in rows if noun == source.noun and row.state in _TRIED]
        # What isn't in a store of its own is one transaction, in which names can be swapped.
        size = BATCH if source.is_confidential else max(1, len(tokens))
        for start in range(0, len(tokens), size):
            yield source, tokens[start : start + size]
