"""List what was changed, added or removed outside Branchkeep, and how each can be put back.

The audit trail tells what was found since the last state that Branchkeep knew: its own write, or
a change that somebody accepted. The projection shows the current state. No call to the store.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from console.access.branches import JOINED_BY
from console.access.policy import Access, Permission
from console.audit.events import COMPLETED, Action
from console.audit.queries import with_outcomes
from console.members import known_values
from console.members.known_values import KnownValues
from console.models import AuditEvent, scope_name
from secrets_app import recycle_bin, revisions
from secrets_app.drift.plan import Change, PutBack, is_of_primary, plan
from secrets_app.history.change_set_events import WRITES, has_written, paths_changed_at
from secrets_app.history.former_members import names_of
from secrets_app.locations import fits_path, mirror_state, scope_folders
from secrets_app.models import BinEntry, Secret
from secrets_app.projection import CLOCK_SKEW, principal, principal_in
from secrets_app.sync.drift import FOUND

_OTHERS = (Action.MIRROR_REPAIRED, Action.SECRET_ENCRYPTED)  # they keep the value


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A secret that changed outside Branchkeep, which nobody has decided about.

    `by` is the principal that the store names, or "". `before` is the version that Branchkeep knew,
    0 for none, and `since` the event that found the first of the `times` changes. What was written
    later than `not_after` is not ours, whatever its version. Without `put_back`, `reason` says why.
    `entry` is what the recycle bin has of a removed one. `known_to` are people who left and know
    the value that would come back.
    """

    secret: Secret
    scope: str
    change: Change
    at: datetime
    by: str
    before: int
    since: int
    times: int
    not_after: datetime
    may_write: bool
    is_ignored: bool = False
    put_back: PutBack | None = None
    reason: str = ""
    entry: BinEntry | None = None
    known_to: Sequence[str] = ()

    @property
    def brings_back(self) -> bool:
        """Return True if putting ours back writes the value that the secret had before."""
        is_alone = self.put_back is PutBack.MIRROR and not self.secret.version
        return is_alone or self.put_back in {PutBack.VERSION, PutBack.BIN}

    @property
    def state(self) -> str:
        """Return what a decision about it is based on, for the form."""
        return state_of(self.secret)


def state_of(secret: Secret) -> str:
    """Return the state that a page shows of a secret and its mirror, as text."""
    mirror = revisions.base(secret.mirror_version, secret.mirror_modified, None)
    return f"{secret.base}/{mirror}"


def changed_outside(access: Access) -> list[Drift]:
    """Return what nobody has put back, taken or saved since, the latest change first.

    Takes a fixed number of queries.
    """
    found = AuditEvent.objects.filter(
        app_id=access.app.app_id, subject=OuterRef("key"), action__in=FOUND
    )
    rows = access.app.secrets.filter(_DIFFERS).filter(Exists(found)).select_related("branch")
    return sorted(describe(access, rows), key=lambda it: (it.at, it.secret.pk), reverse=True)


_GONE = Q(version=0, claim=None) & (Q(gone_at__isnull=False) | Q(mirror_version__gt=0))
_WRITTEN = Q(version__gt=0, changed_by="", changed_at__isnull=False)
_MIRROR_DIFFERS = Q(version__gt=0, mirror_due_at=None) & ~Q(mirror_of=F("version"))
_DIFFERS = _GONE | _WRITTEN | _MIRROR_DIFFERS


def describe(access: Access, secrets: Collection[Secret]) -> list[Drift]:
    """Return what happened to these secrets. Leaves out those without an undecided change."""
    if not secrets:
        return []
    names, keys = _names(access), {row.key for row in secrets}
    events, mirrors = _events(access, keys), _Mirrors(access)
    moved_at, entries = paths_changed_at(access), _entries(access, keys)
    found: list[Drift] = []
    for row in secrets:
        own = {it.pk: it for name in names.get(row.branch_id, ()) for it in events[name, row.key]}
        newest_first = [own[pk] for pk in sorted(own, reverse=True)]
        since, known_at = _since_known(newest_first, row.first_seen)
        if drift := _drift(access, row, since, known_at, has_mirror=mirrors(row)):
            entry = entries.get((row.branch_id, row.key))
            planned = plan(row, drift.change, since, entry, moved_at, drift.not_after)
            is_ignored = _is_ignored(newest_first)
            found.append(replace(drift, is_ignored=is_ignored, **planned))
    return found


def _names(access: Access) -> dict[int | None, set[str]]:
    """Map each scope to its names in the audit trail."""
    return {it.pk if it else None: names_of(access, it) for it in (None, *access.branches)}


class _Mirrors:
    """Knows which secrets have a mirror in the app's path profile."""

    def __init__(self, access: Access) -> None:
        folders = scope_folders(access.app, access.branches).items()
        self._folders = {branch: folder for (branch, is_mirror), folder in folders if is_mirror}

    def __call__(self, row: Secret) -> bool:
        folder = self._folders.get(row.branch_id)
        return folder is not None and fits_path(folder, row.key)


def _changed_at(row: Secret) -> datetime:
    if not row.version:
        return row.gone_at or row.touched_at
    if row.changed_by:
        return row.mirror_modified or row.touched_at
    return row.changed_at or row.touched_at


def _events(access: Access, keys: Collection[str]) -> dict[tuple[str, str], list[Any]]:
    """Return the events that tell what happened to these keys, by scope and key."""
    actions = (*FOUND, *WRITES, *_OTHERS, Action.DRIFT_TAKEN, Action.DRIFT_IGNORED)
    rows = AuditEvent.objects.filter(app_id=access.app.app_id, subject__in=keys, action__in=actions)
    found: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for event in with_outcomes(rows):
        for name in {event.branch, *event.branch.split(JOINED_BY)}:
            found[name, event.subject].append(event)
    return found


def _since_known(events: Sequence[Any], first_seen: datetime) -> tuple[list[Any], datetime]:
    """Return what was found since Branchkeep last knew the secret, oldest first, and when that was.

    `events` are all of it, newest first. It knew what there was at `first_seen`.
    """
    found: list[Any] = []
    known_at: datetime | None = None
    for event in events:
        if event.action in FOUND:
            found.append(event)
            known_at = None  # of what came before this one
        elif event.last_outcome in COMPLETED and event.action != Action.DRIFT_IGNORED:
            known_at = known_at or event.last_at
            if _makes_known(event):
                break
    return found[::-1], known_at or first_seen


def _is_ignored(events: Sequence[Any]) -> bool:
    """Return True if somebody ignored what was found last. `events` are all of it, newest first."""
    last = (
        event.action
        for event in events
        if event.action in FOUND
        or (event.action == Action.DRIFT_IGNORED and event.last_outcome in COMPLETED)
    )
    return next(last, None) == Action.DRIFT_IGNORED


def _makes_known(event: Any) -> bool:
    """Return True if a secret is known as it is after this event, which happened."""
    match event.action:
        case Action.DRIFT_TAKEN:
            return True
        case Action.MIRROR_REPAIRED:
            return bool(event.version_before == 0)
        case Action.SECRET_ENCRYPTED:
            return False
    return has_written(event)


def _drift(
    access: Access, row: Secret, found: Sequence[Any], known_at: datetime, *, has_mirror: bool
) -> Drift | None:
    """Return the undecided change of a secret, without how to put it back."""
    if not found:
        return None
    primary = [event for event in found if is_of_primary(event)]
    change = _change(row, primary, has_mirror=has_mirror)
    if change is None:
        return None
    is_operator = access.actor.is_operator
    by = {
        Change.REMOVED: "",
        Change.MIRROR: principal_in(found[-1].last_detail),
    }.get(change, principal(row.modified_by, is_operator=is_operator))
    return Drift(
        secret=row,
        scope=scope_name(row.branch),
        change=change,
        at=_changed_at(row) if primary else row.mirror_modified or found[-1].at,
        by=by,
        before=(primary or found)[0].version_before or 0,
        since=found[0].pk,
        times=len(primary or found),
        not_after=known_at + CLOCK_SKEW,
        may_write=access.may_on(Permission.WRITE, row.branch),
    )


def _change(row: Secret, primary: Sequence[Any], *, has_mirror: bool) -> Change | None:
    if not row.version:
        return Change.REMOVED if primary else Change.MIRROR
    if primary and not row.changed_by:
        is_added = primary[0].action == Action.FOUND_ADDED
        return Change.ADDED if is_added else Change.CHANGED
    state = mirror_state(row.version, row.mirror_version, row.mirror_of, row.changed_by)
    return Change.MIRROR if has_mirror and state and not row.mirror_due_at else None


def _entries(access: Access, keys: Collection[str]) -> dict[tuple[int | None, str], BinEntry]:
    """Return what the recycle bin has of these keys: of each secret, what was removed last."""
    entries = recycle_bin.kept(access.app).filter(key__in=keys, folder="")  # "" is a secret's
    return {(entry.branch_id, entry.key): entry for entry in entries.order_by("removed_at", "pk")}


def with_former_members(access: Access, found: Collection[Drift]) -> list[Drift]:
    """Add who left and knows the value that would come back."""
    keys = {it.secret.key for it in found if it.brings_back}
    known = known_values.of_former_members(access, keys) if keys else {}
    return [
        replace(it, known_to=_people(access, it, known[it.secret.key])) if it.brings_back else it
        for it in found
    ]


def _people(access: Access, drift: Drift, known: KnownValues) -> Sequence[str]:
    if drift.entry:
        return known.people_who_know_removed(drift.entry.removal_id)
    names = names_of(access, drift.secret.branch)
    return known.people_who_know(names, drift.before, drift.since)
