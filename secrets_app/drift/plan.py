"""Plan how a secret that changed outside Branchkeep is put back, from the database alone."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings

from console.audit.events import Action
from secrets_app.models import BinEntry, Secret

FORGOTTEN = (
    "It was removed and added again, so the parameter store no longer has the earlier version. "
    "Save the value again."
)
OTHER_PATH = (
    "The app's path profile changed since, so the versions at its path are different. "
    "Restore one on the secret's page."
)
NO_BIN = "There is no recycle bin, so removing it can't be undone. Remove it on its page."
NOTHING_KEPT = (
    "The parameter store keeps nothing of a removed parameter, and the recycle bin has no copy. "
    "Save the value again."
)
BRANCH_DELETED = "Its branch was deleted. The recycle bin can restore it to another branch."
OTHER_MIRROR = (
    "Its mirror changed outside Branchkeep, too, so it may have a different value. Save the value "
    "again."
)
NEVER_OURS = "It was added outside Branchkeep, too. There is nothing to put back."


class Change(StrEnum):
    """What happened to a secret outside Branchkeep."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    MIRROR = "mirror"  # only its copy at the documented path changed


class PutBack(StrEnum):
    """What puts a secret back as Branchkeep knew it."""

    VERSION = "version"  # restores the earlier version from the parameter store
    REMOVE = "remove"  # moves what was added to the recycle bin
    MIRROR = "mirror"  # repairs the mirror, or brings the secret back from it
    BIN = "bin"  # restores it from the recycle bin


def is_of_primary(event: Any) -> bool:
    """Return True if the change that was found is more than the mirror's."""
    return (event.version_before or 0) != (event.version_after or 0)


def plan(
    row: Secret,
    change: Change,
    found: Sequence[Any],
    entry: BinEntry | None,
    moved_at: int,
    not_after: datetime,
) -> dict[str, Any]:
    """Return how to put a secret back, or why that can't be done.

    `found` is what was found since Branchkeep last knew it, oldest first. Since the event
    `moved_at`, its versions are those of another path. What was written later than `not_after` is
    not ours.
    """
    primary = [event for event in found if is_of_primary(event)]
    match change:
        case Change.ADDED:
            return {"put_back": PutBack.REMOVE} if settings.BIN_DAYS else {"reason": NO_BIN}
        case Change.CHANGED if any(map(_has_reset, primary)):
            return {"reason": FORGOTTEN}
        case Change.CHANGED if found[0].pk < moved_at:
            return {"reason": OTHER_PATH}
        case Change.CHANGED:
            return {"put_back": PutBack.VERSION}
        case Change.MIRROR:
            return _plan_of_mirror(row)
    if primary[0].action == Action.FOUND_ADDED:
        return _plan_of_mirror(row) if row.mirror_version else {"reason": NEVER_OURS}
    if row.mirror_version:
        is_ours = row.mirror_modified is None or row.mirror_modified <= not_after
        return {"put_back": PutBack.MIRROR} if is_ours else {"reason": OTHER_MIRROR}
    if entry is None:
        return {"reason": NOTHING_KEPT}
    if row.branch and row.branch.deleted_at:
        return {"reason": BRANCH_DELETED}
    return {"put_back": PutBack.BIN, "entry": entry}


def _plan_of_mirror(row: Secret) -> dict[str, Any]:
    if row.version:
        return {"put_back": PutBack.MIRROR}
    return {"put_back": PutBack.REMOVE} if settings.BIN_DAYS else {"reason": NO_BIN}


def _has_reset(event: Any) -> bool:
    """Return True if the versions count from 1 again since: the earlier ones are forgotten."""
    before, after = event.version_before, event.version_after
    return before is None or after is None or after < before
