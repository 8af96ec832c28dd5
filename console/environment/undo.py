"""What undoing a change set does to each value, as the sources report it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.access.actions import Action
from console.lib.results import Result, RowOutcome


class UndoState(StrEnum):
    """Whether a change can be undone, and why not."""

    READY = "ready"
    CHANGED_SINCE = "changed since"
    UNDONE = "undone"
    NOTHING = "nothing"  # nothing was written
    IMPOSSIBLE = "impossible"
    DENIED = "denied"


class Effect(StrEnum):
    """What undoing does to a value."""

    BACK = "back"  # it gets its earlier value or name
    REMOVED = "removed"  # the change set had added it
    ADDED = "added"  # the change set had removed it


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRow:
    """What undoing a change set does to one value that it wrote.

    `token` names it, whatever its state. `scope` and `key` are as in the audit trail, and `pk`
    names the value for `EnvironmentSource.url`, None if it is gone. `after` says what there is
    after Undo, and `repeats` are the acts that this takes. `message` says why it isn't ready, and
    `at` since when. `known_to` are people who left and know the value that is restored.
    """

    token: str
    scope: str
    key: str
    pk: int | None
    state: UndoState
    after: str
    effect: Effect | None = None
    repeats: Sequence[Action] = ()
    message: str = ""
    at: datetime | None = None
    known_to: Sequence[str] = ()


# What was undone before is as it was asked for
_REFUSED = {
    UndoState.CHANGED_SINCE: Result.CONFLICT,
    UndoState.UNDONE: Result.SAVED,
    UndoState.DENIED: Result.DENIED,
}


def refused(row: UndoRow) -> RowOutcome:
    """Return the outcome of undoing a change that isn't ready."""
    return RowOutcome(row.token, _REFUSED.get(row.state, Result.REFUSED), row.message)
