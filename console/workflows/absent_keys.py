"""Keys that scopes have and an imported text lacks: find them, and remove those that are chosen.

They are removed after the import, in its change set, so both are undone together.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from console.access.policy import Access, Permission
from console.environment.removal import Removal, id_of
from console.environment.sources import secrets_first
from console.lib.results import DONE, Result, RowOutcome
from console.lib.service_calls import ServiceError
from console.lib.text.dotenv import Entry, Refused
from console.models import Branch
from console.workflows import branch_removal

MAX_KEYS = 2_000
TOO_MANY = "The branches have {:,} keys that are not in the text; the limit is {:,}. Choose fewer."
GONE = "Not removed, because this branch no longer exists."
IMPORT_FIRST = "Not removed, because something to import was not saved. Save again."
NO_COPY = (
    "Not removed, because it can't be kept in the recycle bin. To remove it for good, select it "
    "under Compare."
)
# After these, the others are tried: nothing is wrong with the store
_GOES_ON = {*DONE, Result.CONFLICT, Result.DENIED, Result.REFUSED, Result.HELD}


@dataclass(frozen=True, slots=True)
class AbsentKey:
    """A value that a scope has itself. `value` is its token (`OwnKey.token`).

    `refusal` says why the actor can't remove it. Without it, a branch may inherit another value.
    """

    noun: str
    key: str
    branch: Branch | None
    value: str
    refusal: str
    is_override: bool


@dataclass(frozen=True, slots=True)
class RemovalRow:
    """A value to remove, if it is still as it was shown. `token` is the row's name in a form."""

    token: str
    noun: str
    key: str
    branch_id: int | None
    value: str
    expected_version: int = 0
    revision: int | None = None


def find(
    access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
) -> list[AbsentKey]:
    """Return what the scopes have under keys that the text lacks, secrets first.

    A key counts as being in the text whatever its kind. Takes the same queries for any number of
    scopes. Raises dotenv.Refused for too many.
    """
    in_text = {entry.key for entry in entries}
    refusals = {
        scope.pk if scope else None: access.refusal_on(Permission.WRITE, scope) for scope in scopes
    }
    branches = {branch.pk: branch for branch in scopes if branch}
    found = []
    for source in secrets_first():
        values = [it for it in source.own_keys(access) if it.key not in in_text]
        shared = {it.key for it in values if it.branch_id is None}
        found += [
            AbsentKey(
                *(source.noun, it.key, branches.get(it.branch_id or 0), it.token),
                refusal=refusals[it.branch_id],
                is_override=it.branch_id is not None and it.key in shared,
            )
            for it in values
            if it.branch_id in refusals
        ]
    if len(found) > MAX_KEYS:
        raise Refused(TOO_MANY.format(len(found), MAX_KEYS))
    return found


def remove(
    access: Access,
    rows: Sequence[RemovalRow],
    change_set: UUID,
    imported: Iterable[RowOutcome],
    *,
    may_go_on: Callable[[], bool],
) -> list[RowOutcome]:
    """Remove the rows, scope by scope while `may_go_on`, and return an outcome for each in order.

    Nothing is removed unless everything of `imported` was saved. Those that were left for another
    call are NOT_TRIED, without a message.
    """
    before = [*imported]
    if any(outcome.outcome not in DONE for outcome in before):
        has_failed = any(it.outcome not in {*DONE, Result.NOT_TRIED} or it.message for it in before)
        message = IMPORT_FIRST if has_failed else ""
        return [RowOutcome(row.token, Result.NOT_TRIED, message) for row in rows]
    live = (branch for branch in access.branches if branch.deleted_at is None)
    scopes: dict[int | None, Branch | None] = {None: None, **{it.pk: it for it in live}}
    outcomes: dict[str, RowOutcome] = {}
    rest = RowOutcome("", Result.NOT_TRIED)
    try:
        for branch_id in dict.fromkeys(row.branch_id for row in rows):
            if (before or outcomes) and not may_go_on():
                break
            found = [row for row in rows if row.branch_id == branch_id]
            if branch_id not in scopes:
                outcomes |= {it.token: RowOutcome(it.token, Result.REFUSED, GONE) for it in found}
                continue
            outcomes |= _remove(access, scopes[branch_id], found, change_set, may_go_on)
    except ServiceError as error:  # what was imported is saved, so this is no error page
        rest = RowOutcome("", Result.FAILED, error.message)
    return [outcomes.get(row.token) or replace(rest, token=row.token) for row in rows]


def _remove(
    access: Access,
    branch: Branch | None,
    rows: Sequence[RemovalRow],
    change_set: UUID,
    may_go_on: Callable[[], bool],
) -> dict[str, RowOutcome]:
    """Remove rows of a scope, and return the outcomes of those that were tried by their tokens."""
    progress = branch_removal.remove(
        access,
        branch,
        [row.value for row in rows],
        change_set,
        without_copy=False,
        may_go_on=may_go_on,
        goes_on_after=_GOES_ON,
    )
    removals = {removal.id: removal for removal in progress.removals}
    waiting = {id_of(token) for token in progress.left}
    tried = [row for row in rows if id_of(row.value) not in waiting]
    return {row.token: _outcome(row, removals.get(id_of(row.value))) for row in tried}


def _outcome(row: RemovalRow, removal: Removal | None) -> RowOutcome:
    """Return how a removal ended. What is no longer there counts as removed."""
    if removal is None:
        return RowOutcome(row.token, Result.REMOVED)
    outcome = RowOutcome(row.token, removal.outcome, removal.message)
    return replace(outcome, message=NO_COPY) if removal.asks else outcome
