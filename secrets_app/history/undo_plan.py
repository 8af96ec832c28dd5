"""Plan the undo of what a change set did to secrets.

The audit trail tells what was written and what happened since; the store still has the values. SSM
forgets the versions of a removed parameter, and counts from 1 again. So nothing but the change set
itself may have touched the secret since.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied

from console.access.policy import Access, Permission
from console.audit.events import Action, Target
from console.environment.undo import Effect, UndoRow, UndoState
from console.models import Branch, scope_name
from secrets_app import recycle_bin
from secrets_app.history.change_set_events import (
    VERBS,
    Written,
    later,
    paths_changed_at,
    written_by,
)
from secrets_app.models import BinEntry, Secret
from secrets_app.writes.snapshots import audit_target

State = dict[str, Any]  # what a row's state sets
NOT_WRITTEN = "It was not written"
NOT_SETTLED = "It is not known yet whether it was written. Look again in a few minutes."
CHANGED_SINCE = "It changed since"
FORGOTTEN = "It was removed and added again, so the parameter store no longer has the version"
OTHER_PATH = "The app's path profile changed since, so the versions at its path are different"
NOT_IN_BIN = "It is no longer in the recycle bin"
NO_BIN = "There is no recycle bin, so removing it could not be undone. Remove it on its page"
BRANCH_DELETED = "Its branch was deleted. The recycle bin can restore it to another branch"
NO_BRANCH = "Its branch no longer exists"


@dataclass(frozen=True)
class Step:
    """What to do for one secret: write the value of `version` again, or remove it for 0.

    The value is that of `entry` in the recycle bin, otherwise an earlier version of `secret`. An
    entry of version 0 is a mirror that had no secret. It comes back as a secret.
    """

    row: UndoRow
    target: Target
    branch: Branch | None
    secret: Secret | None
    version: int
    entry: BinEntry | None
    since: int  # the first event of the change set

    @property
    def existing(self) -> Secret:
        """Return the secret that is changed or removed."""
        if self.secret is None:
            raise ValueError("There is no secret to change.")
        return self.secret


def plan(
    access: Access,
    change_set: UUID,
    undone_by: Collection[UUID],
    tokens: Collection[str] | None = None,
) -> list[Step]:
    """Return a step for each secret, or for those that the tokens name.

    Takes as many queries for many as for one.
    """
    written = written_by(access, change_set, tokens)
    if not written:
        return []
    later_events = later(access, change_set, written)
    rows = access.app.secrets.filter(key__in={it.key for it in written})
    known = {(row.branch_id, row.key): row for row in rows.select_related("branch")}
    branches = _branches(access)
    removals = {it.done[-1].pk: it.name for it in written if it.is_removed}
    entries = recycle_bin.kept(access.app).filter(removal__in=removals) if removals else ()
    binned = {removals[entry.removal_id]: entry for entry in entries}
    moved_at = paths_changed_at(access)
    steps = []
    for it in written:
        found = _find(it, branches.get(it.scope, ()), known, binned.get(it.name), moved_at)
        steps.append(_step(access, it, found, later_events.get(it.name), undone_by))
    return steps


def _branches(access: Access) -> dict[str, list[Branch | None]]:
    """Map each name of a scope in the audit trail to the branches that it stands for."""
    found: defaultdict[str, list[Branch | None]] = defaultdict(list)
    for branch in (None, *access.branches):
        for name in {scope_name(branch), audit_target(access, branch, "").branch}:
            found[name].append(branch)
    return found


class _Found(NamedTuple):
    """What there is now of a secret. Its branch exists if it `is_known`.

    If it `is_moved`, the versions of the change set are of a parameter at another path.
    """

    branch: Branch | None
    secret: Secret | None
    entry: BinEntry | None
    is_known: bool
    is_moved: bool


def _find(
    written: Written,
    branches: Sequence[Branch | None],
    known: dict[tuple[int | None, str], Secret],
    entry: BinEntry | None,
    moved_at: int,
) -> _Found:
    rows = [(it, known.get((it.pk if it else None, written.key))) for it in branches]
    # Of branches that share their parameters, the one that was used has the row.
    branch, secret = next((it for it in rows if it[1]), rows[0] if rows else (None, None))
    is_moved = branch is not None and entry is None and written.events[-1].pk < moved_at
    return _Found(entry.branch if entry else branch, secret, entry, bool(rows), is_moved)


def _step(
    access: Access,
    written: Written,
    found: _Found,
    later: Any | None,
    undone_by: Collection[UUID],
) -> Step:
    secret = found.secret
    before, after = written.versions
    state = (
        _unfit(written, found)
        or _moved_on(secret, after, later, undone_by)
        or _effect(before, after, found)
    )
    if state["state"] is UndoState.READY:
        state |= _denied(access, found)
    row = UndoRow(
        token=written.token,
        scope=written.scope,
        key=written.key,
        pk=secret.pk if secret and secret.version else None,
        **state,
    )
    target = Target(access.app.app_id, row.scope, row.key)
    first = written.events[0].pk
    return Step(row, target, found.branch, secret, before, found.entry, first)


def _unfit(written: Written, found: _Found) -> State | None:
    """Return why the secret can't go back, whatever happened since; None if it can."""
    before, after = written.versions
    if written.is_open:
        return _impossible(NOT_SETTLED)
    if not written.done or written.was_added_and_removed:
        return {"state": UndoState.NOTHING, "after": "Nothing to undo", "message": NOT_WRITTEN}
    if not found.is_known:
        return _impossible(NO_BRANCH)
    if found.is_moved:
        return _impossible(OTHER_PATH)
    was_removed = any(it.action == Action.SECRET_REMOVED for it in written.done)
    if before and after and (was_removed or after <= before):
        return _impossible(FORGOTTEN)
    return None


def _impossible(message: str) -> State:
    return {"state": UndoState.IMPOSSIBLE, "after": "Stays as it is", "message": message}


def _moved_on(
    secret: Secret | None, after: int, later: Any | None, undone_by: Collection[UUID]
) -> State | None:
    """Return how the secret is no longer as the change set left it, None if it still is."""
    if later is not None and later.change_set in undone_by:
        message = f"{later.actor} undid it"
        return {"state": UndoState.UNDONE, "after": "Undone", "message": message, "at": later.at}
    moved = {"state": UndoState.CHANGED_SINCE, "after": _stays(secret)}
    if later is not None:
        return moved | {"message": f"{later.actor} {VERBS[later.action]}", "at": later.at}
    if (secret.version if secret else 0) != after:
        return moved | {"message": CHANGED_SINCE}
    return None


def _denied(access: Access, found: _Found) -> State:
    """Return what differs if the actor lacks the permission."""
    try:
        access.require_on(Permission.WRITE, found.branch)
    except PermissionDenied as denial:
        denied = {"state": UndoState.DENIED, "message": str(denial), "effect": None}
        return denied | {"after": _stays(found.secret)}
    return {}


def _stays(secret: Secret | None) -> str:
    return f"Stays at version {secret.version}" if secret and secret.version else "Stays removed"


def _effect(before: int, after: int, found: _Found) -> State:
    """Return what undoing does, or why it can't."""
    if after and before:
        after_undo, effect = f"Back to version {before}", Effect.BACK
        repeats = [Action.VERSION_RESTORED, Action.SECRET_CHANGED]
    elif after:
        if not settings.BIN_DAYS:
            return _impossible(NO_BIN)
        after_undo, effect, repeats = "Removed", Effect.REMOVED, [Action.SECRET_REMOVED]
    else:
        if reason := _unrestorable(before, found):
            return _impossible(reason) | {"after": "Stays removed"}
        after_undo, effect = "Added again", Effect.ADDED
        repeats = [Action.BIN_RESTORED, Action.SECRET_CREATED]
    return {"state": UndoState.READY, "after": after_undo, "effect": effect, "repeats": repeats}


def _unrestorable(before: int, found: _Found) -> str:
    """Return why a removed secret can't be restored, or ""."""
    if found.entry is None:
        return NOT_IN_BIN
    if found.entry.version != before:  # the change set had changed it first
        return FORGOTTEN
    deleted_at = found.branch.deleted_at if found.branch else None
    # What was left on a deleted branch goes back there.
    return BRANCH_DELETED if deleted_at and deleted_at > found.entry.removed_at else ""
