"""Bringing a row to what the store holds, and telling what someone outside the console did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.actors import OUTSIDE
from console.audit import Action, Outcome, Target
from console.models import AuditEvent, AuditOutcome
from secrets_app.models import Secret
from secrets_app.store.base import Parameter


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store holds of a secret at its primary path and at its mirror."""

    primary: Parameter | None = None
    mirror: Parameter | None = None


def agrees(secret: Secret, seen: Seen) -> bool:
    """Say whether the row shows just what was seen."""
    primary = (seen.primary.version, seen.primary.modified) if seen.primary else (0, None)
    mirror = seen.mirror.version if seen.mirror else 0
    return (*primary, mirror) == (secret.version, secret.modified, secret.mirror_version)


def goes_back(secret: Secret, seen: Seen) -> bool:
    """Say whether what was listed is older than what is known: a listing may lag."""
    primary = seen.primary.version if seen.primary else 0
    mirror = seen.mirror.version if seen.mirror else 0
    return primary < secret.version or mirror < secret.mirror_version


def observe(secret: Secret, seen: Seen, now: datetime) -> Action | None:
    """Change the row, in memory, to what was seen.

    Returns what someone outside must have done, or None.
    """
    version = seen.primary.version if seen.primary else 0
    mirror = seen.mirror.version if seen.mirror else 0
    modified = seen.primary.modified if seen.primary else None
    replaced = secret.modified is not None and modified is not None and modified != secret.modified
    known = (secret.version, secret.mirror_version)
    if secret.mirror_version != mirror:
        secret.mirror_of = 0
    secret.version, secret.mirror_version = version, mirror
    secret.modified = modified
    if known == (version, mirror) and not replaced:
        return None
    secret.touched_at = now
    return _outside_change(secret, seen, known, now)


def _outside_change(secret: Secret, seen: Seen, known: tuple[int, int], now: datetime) -> Action:
    standing = seen.primary or seen.mirror
    if standing is None:
        secret.gone_at = now
        return Action.FOUND_REMOVED
    secret.gone_at = None
    if known[0] != secret.version or secret.changed_at is None:
        secret.changed_by, secret.changed_at = "", standing.modified
    return Action.FOUND_CHANGED if any(known) else Action.FOUND_ADDED


@dataclass(frozen=True, slots=True)
class Found:
    """What someone outside the console did, for the audit trail."""

    action: Action
    target: Target
    before: int | None
    after: int | None


def record_found(changes: Sequence[Found]) -> None:
    """Write the changes that were found to the audit trail, in two queries."""
    events = AuditEvent.objects.bulk_create(
        AuditEvent(
            action=change.action,
            actor_kind=OUTSIDE.kind,
            actor=OUTSIDE.label,
            app_id=change.target.app_id,
            branch=change.target.branch,
            subject=change.target.subject,
            version_before=change.before,
        )
        for change in changes
    )
    AuditOutcome.objects.bulk_create(
        AuditOutcome(event=event, outcome=Outcome.SUCCEEDED, version_after=change.after)
        for event, change in zip(events, changes, strict=True)
    )
