"""The audited writes of a secret: which of them made a version, and which removed it last."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from console.audit.events import COMPLETED, Action
from console.audit.queries import with_outcomes
from console.models import AuditEvent
from secrets_app.projection import CLOCK_SKEW

OURS = {
    Action.SECRET_CREATED: "added it",
    Action.SECRET_CHANGED: "changed the value",
    Action.SECRET_ENCRYPTED: "replaced it by an encrypted parameter",
    Action.MIRROR_REPAIRED: "restored it from its mirror",
}
_FOUND = (Action.FOUND_ADDED, Action.FOUND_CHANGED)
_REMOVED = (Action.SECRET_REMOVED, Action.FOUND_REMOVED)


class Writes:
    """The audited writes of a secret, under any of the names of its scope. Takes one query.

    `removal` is the last event that removed it, None if none did.
    """

    def __init__(self, app_id: str, scopes: Iterable[str], key: str) -> None:
        events = with_outcomes(
            AuditEvent.objects.filter(
                app_id=app_id,
                branch__in=scopes,
                subject=key,
                action__in=(*OURS, *_FOUND, *_REMOVED, Action.VERSION_RESTORED),
            )
        )
        self.removal: Any = None
        self._by_version: dict[int, list[Any]] = {}
        self._restored: dict[uuid.UUID | None, int | None] = {}
        for event in events:
            if event.action == Action.VERSION_RESTORED:
                self._restored[event.change_set] = event.version_before
            elif event.action in _REMOVED:
                self.removal = self.removal or (event if _has_removed(event) else None)
            elif _has_written(event):
                self._by_version.setdefault(event.version_after, []).append(event)

    def of(self, version: int, modified: datetime) -> Any | None:
        """Return the event that made this version, which the store says is of that time.

        A parameter that is removed and added again counts from 1 again, so the time has to fit.
        """
        events = [it for it in self._by_version.get(version, ()) if _fits(it, modified)]
        return min(events, key=lambda it: abs(it.at - modified), default=None)

    def verb(self, event: Any) -> str:
        """Return what an event did, in words."""
        source = self._restored.get(event.change_set) if event.change_set else None
        return f"restored version {source}" if source else OURS[event.action]


def _has_written(event: Any) -> bool:
    """Return True if the event made a new version of the secret, as far as is known."""
    if event.last_outcome not in COMPLETED or not event.version_after:
        return False
    # Settled as not written, or a repair that wrote only the mirror
    is_same = event.version_before == event.version_after
    return not is_same or event.action in {*_FOUND, Action.SECRET_ENCRYPTED}


def _has_removed(event: Any) -> bool:
    """Return True if the event removed the secret, as far as is known."""
    return event.last_outcome in COMPLETED and not event.version_after


def _fits(event: Any, modified: datetime) -> bool:
    """Return True if the event can be about a version of this time."""
    if event.action in _FOUND:  # found at any time later
        return bool(event.last_at >= modified - CLOCK_SKEW)
    at: tuple[datetime, datetime] = (event.at, event.last_at)
    margin: timedelta = CLOCK_SKEW
    return at[0] - margin <= modified <= at[1] + margin
