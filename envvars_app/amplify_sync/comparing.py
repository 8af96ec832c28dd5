"""Compare what is here with what Amplify holds, and bring the row about it up to date in memory."""

from dataclasses import dataclass
from datetime import datetime

from console.audit.events import Outcome
from envvars_app.amplify_sync.merging import Value, state_of
from envvars_app.models import Synced, SyncedVariable, SyncState
from envvars_app.variables.pending import digest, forget

CONFLICT = "conflict"  # the detail of a push that met someone's change


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found: if the row changed, how an open push ended, a change outside."""

    has_changed: bool
    ended: tuple[int, Outcome, str] | None = None
    found: str = ""


def compare(row: Synced, *, ours: Value, held: Value, now: datetime) -> Compared:
    """Bring the row up to date."""
    before, state_before, held_before = _columns(row), row.state, row.held
    has_arrived = _has_arrived(row, held)
    is_known = has_arrived or _is_recognized(row, held)
    base = held if is_known else row.synced
    state = state_of(synced=base, ours=ours, held=held, is_pending=row.is_pending)
    found = "" if is_known or held == held_before else _verb(held_before, held)
    ended = _end(row, state, has_arrived=has_arrived)
    row.state, row.synced, row.held = state, base, held
    if state is SyncState.SAME:
        _settle(row)
    elif (state, held) != (state_before, held_before):
        row.seen_at = now
    if (
        isinstance(row, SyncedVariable)
        and row.is_moved
        and state is not SyncState.SAME
        and is_known
    ):
        forget(row, held)
    return Compared(_columns(row) != before, ended, found)


def _has_arrived(row: Synced, held: Value) -> bool:
    """Return True if Amplify holds what an open push was to bring."""
    return row.event_id is not None and held == row.sent and held != row.synced


def _is_recognized(row: Synced, held: Value) -> bool:
    """Return True if Amplify holds a value of which only digests are kept."""
    digests = row.digests.split() if isinstance(row, SyncedVariable) else []
    return held is not None and bool(digests) and digest(held) in digests


def _forget_moved(row: Synced, held: Value) -> None:
    """Keep no value of a variable that was moved to the secrets."""
    if isinstance(row, SyncedVariable) and row.is_moved:
        forget(row, held)


def _verb(before: Value, held: Value) -> str:
    if before is None:
        return "added"
    return "removed" if held is None else "changed"


def _settle(row: Synced) -> None:
    """Note that both sides agree."""
    row.synced = row.held
    row.pending_at, row.pending_by, row.pending_user = None, "", None
    row.change_set, row.problem, row.seen_at, row.sent = None, "", None, None
    if isinstance(row, SyncedVariable):
        row.digests = ""


def _end(row: Synced, state: SyncState, *, has_arrived: bool) -> tuple[int, Outcome, str] | None:
    """Return how the row's open push ended, if it did: (audit event, outcome, detail)."""
    event = row.event_id
    if event is None or (state is SyncState.PENDING and not has_arrived):
        return None  # what is still pending goes with the next push
    row.event_id = row.sent = None
    if has_arrived or state is SyncState.SAME:
        return event, Outcome.SUCCEEDED, ""
    return event, Outcome.FAILED, CONFLICT


def _columns(row: Synced) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}
