"""The recycle bin: entries in the database, and one copy of the value for each in the store.

No app's listing has a copy's path, so that no client of Amplify reads it. An entry is committed
before its copy is made, and deleted after its copy is deleted. So an interruption leaves an entry
that is due, and the background worker finishes it (`secrets_app/sync/bin_upkeep.py`).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from console.audit.events import Outcome
from console.lib.clock import latest_end
from console.models import App
from secrets_app.models import BinEntry, BinState, Copy
from secrets_app.paths import InvalidPath, bin_path, check_path

# No removal or restore takes so long, even if its last request arrives late.
LONGEST = timedelta(minutes=3)
NOTHING = "The store had no value to copy."

Conclusion = tuple[int, Outcome, int | None, str]


@dataclass(frozen=True)
class EndedCopy:
    """A removal that ended, and its entry. It is open if its outcome is unknown.

    `detail` says why it wasn't.
    """

    entry: BinEntry
    is_removed: bool
    is_open: bool
    detail: str


def path_of(entry: BinEntry, app: App) -> str:
    """Return the path of the entry's copy."""
    return bin_path(app.app_id, entry.copy_id, entry.key)


def new_copy_id() -> str:
    """Return the id of a new copy."""
    return secrets.token_hex(8)


def has_path(app: App, key: str) -> bool:
    """Return True if the store accepts the path of a copy of this key."""
    try:
        check_path(bin_path(app.app_id, new_copy_id(), key))
    except InvalidPath:
        return False
    return True


def kept(app: App) -> QuerySet[BinEntry]:
    """Return what is in the app's recycle bin, the first to expire at the top."""
    rows = BinEntry.objects.filter(app=app, state=BinState.KEPT, expires_at__gt=timezone.now())
    return rows.select_related("branch").order_by("expires_at", "pk")


def due(now: datetime) -> QuerySet[BinEntry]:
    """Return the entries that were interrupted or are to be deleted."""
    is_due = Q(due_at__lte=now) | Q(due_at__gt=latest_end(now, LONGEST))  # the clock was set back
    return BinEntry.objects.filter(is_due).order_by("pk")


def expiry_of(since: datetime) -> datetime:
    """Return when a secret that was removed at `since` expires."""
    return since + timedelta(days=settings.BIN_DAYS)


def keep(entries: Iterable[int]) -> None:
    """Show these entries in the recycle bin."""
    now = timezone.now()
    BinEntry.objects.filter(pk__in=[*entries]).update(
        state=BinState.KEPT, removed_at=now, expires_at=expiry_of(now), due_at=None
    )


def delete_later(entries: Iterable[int]) -> None:
    """Have the background delete the copies of these entries, then the entries."""
    now = timezone.now()
    BinEntry.objects.filter(pk__in=[*entries]).update(state=BinState.DELETING, due_at=now)


def conclude(ended: Iterable[EndedCopy]) -> list[Conclusion]:
    """Keep or delete the entries of removals that ended; return the outcomes of the copies."""
    kept_ones, unneeded, dropped = list[int](), list[int](), list[int]()
    conclusions: list[Conclusion] = []
    for one in ended:
        entry = one.entry
        conclusions.append(_conclusion(one))
        if one.is_open or entry.copy is Copy.UNKNOWN:
            continue  # the background finds out
        if entry.copy is Copy.NONE:
            dropped.append(entry.pk)
        else:
            (kept_ones if one.is_removed else unneeded).append(entry.pk)
    if kept_ones:
        keep(kept_ones)
    if unneeded:
        delete_later(unneeded)
    if dropped:
        BinEntry.objects.filter(pk__in=dropped).delete()
    return conclusions


def _conclusion(one: EndedCopy) -> Conclusion:
    event = one.entry.claim_id
    match one.entry.copy:
        case Copy.MADE:
            return event, Outcome.SUCCEEDED, one.entry.version or None, ""
        case Copy.UNKNOWN:
            return event, Outcome.UNKNOWN, None, one.detail
        case _ if one.is_removed:
            return event, Outcome.SUCCEEDED, None, NOTHING
    return event, Outcome.FAILED, None, one.detail
