"""Bringing a row to what the store holds, and telling what someone outside the console did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.access.actors import OUTSIDE
from console.audit.events import Action, Outcome, Target, attempt_all, conclude, conclude_all
from secrets_app.models import Secret
from secrets_app.store.base import Parameter

CLOCK_SKEW = timedelta(minutes=5)  # AWS refuses requests from a clock that is further off
CLOCK_TOLERANCE = timedelta(
    seconds=5
)  # of the store's own clocks; an answer's date is in whole seconds


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What the store holds of a secret at its primary path and at its mirror."""

    primary: Parameter | None = None
    mirror: Parameter | None = None

    @property
    def version(self) -> int:
        """The primary's version; 0 is none."""
        return self.primary.version if self.primary else 0


def matches(secret: Secret, remote: RemoteState) -> bool:
    """Say whether the row shows just what was seen."""
    return (_marks(remote.primary), _marks(remote.mirror)) == (
        (secret.version, secret.modified),
        (secret.mirror_version, secret.mirror_modified),
    )


def may_be_stale(secret: Secret, remote: RemoteState) -> bool:
    """Say whether what was listed may be older than what is known: a listing may lag."""
    at = secret.answered_at
    return _may_be_older(remote.primary, secret.version, secret.modified, at) or _may_be_older(
        remote.mirror, secret.mirror_version, secret.mirror_modified, at
    )


def update_from_store(secret: Secret, remote: RemoteState, now: datetime) -> Action | None:
    """Change the row, in memory, to what was seen.

    Returns what someone outside must have done, or None.
    """
    was_there, left_open = _is_there(secret), mirror_may_have_changed(secret)
    mirror_moved = _see_mirror(secret, remote.mirror)
    moved = _see_primary(secret, remote.primary)
    if moved or mirror_moved:
        secret.touched_at = now
    if moved or (mirror_moved and not left_open):
        return _outside_change(secret, was_there, moved, now)
    return None


def update_primary_from_store(
    secret: Secret, found: Parameter | None, now: datetime
) -> Action | None:
    """Do the same where nobody looked for the mirror, and so nothing is agreed on."""
    was_there, modified = _is_there(secret), secret.modified
    if not _see_primary(secret, found):
        secret.modified = modified
        return None
    secret.touched_at = now
    return _outside_change(secret, was_there, True, now)


def mirror_may_have_changed(secret: Secret) -> bool:
    """Say whether our own last write may have changed the mirror: its answer was lost."""
    return secret.modified is None and 0 < secret.version != secret.mirror_of


def adopt_paths(secret: Secret, remote: RemoteState, now: datetime) -> None:
    """Change the row, in memory, to what stands at other paths: the app's profile has changed.

    That is nobody's change of the secret, and no mirror is known to hold what its primary does.
    """
    secret.version, secret.modified = _marks(remote.primary)
    secret.mirror_version, secret.mirror_modified = _marks(remote.mirror)
    secret.mirror_of, secret.gone_at, secret.touched_at = 0, None, now


def _marks(found: Parameter | None) -> tuple[int, datetime | None]:
    return (found.version, found.modified) if found else (0, None)


def _may_be_older(
    found: Parameter | None, version: int, modified: datetime | None, answered_at: datetime | None
) -> bool:
    if found is None:
        return version > 0
    if found.version == version and modified is None:  # ours, or one that we removed before it
        return answered_at is not None and found.modified < answered_at - CLOCK_TOLERANCE
    if found.version == version and modified == found.modified:
        return False
    return modified is None or found.modified <= modified


def _is_there(secret: Secret) -> bool:
    return bool(secret.version or secret.mirror_version)


def _see_primary(secret: Secret, found: Parameter | None) -> bool:
    version, modified = _marks(found)
    replaced = version == secret.version and is_recreated(secret, secret.modified, modified)
    moved = replaced or version != secret.version
    if replaced or version < secret.version:  # another life, whose versions mean other values
        secret.mirror_of = 0
    secret.version, secret.modified = version, modified
    return moved


def _see_mirror(secret: Secret, found: Parameter | None) -> bool:
    version, modified = _marks(found)
    moved = version != secret.mirror_version or is_recreated(
        secret, secret.mirror_modified, modified
    )
    if moved:
        secret.mirror_of = 0
    secret.mirror_version, secret.mirror_modified = version, modified
    return moved


def is_recreated(secret: Secret, known: datetime | None, modified: datetime | None) -> bool:
    """Say whether a parameter of the same version is another one, created anew."""
    if modified is None:
        return False
    if known is None:  # we wrote it and have not seen it since
        answered_at = secret.answered_at
        return modified > (
            answered_at + CLOCK_TOLERANCE if answered_at else secret.touched_at + CLOCK_SKEW
        )
    return modified != known


def _outside_change(secret: Secret, was_there: bool, moved: bool, now: datetime) -> Action:
    if not _is_there(secret):
        secret.gone_at = now
        return Action.FOUND_REMOVED
    secret.gone_at = None
    if moved or secret.changed_at is None:
        secret.changed_by = ""
        secret.changed_at = secret.modified or secret.mirror_modified or now
    return Action.FOUND_CHANGED if was_there else Action.FOUND_ADDED


@dataclass(frozen=True, slots=True)
class ExternalChange:
    """What someone outside the console did, for the audit trail."""

    action: Action
    target: Target
    before: int | None
    after: int | None


def record_drift(changes: Sequence[ExternalChange]) -> None:
    """Write the changes that were found to the audit trail, in two queries."""
    attempts = ((change.action, change.target, change.before) for change in changes)
    events = attempt_all(OUTSIDE, attempts, change_set=None)
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, change.after, "")
        for event, change in zip(events, changes, strict=True)
    )


def settle(secret: Secret, version_now: int) -> None:
    """Write how an attempt ended whose answer was lost, by the version that the store holds now.

    Changes `secret` in memory alone, to what the attempt itself made of it; the caller saves it.
    """
    event = secret.claim
    if event is None:
        return
    before, removing = event.version_before or 0, event.action == Action.SECRET_REMOVED
    if version_now == before:
        detail = "The store still holds the previous version: nothing was changed."
        if before and event.action == Action.MIRROR_REPAIRED:
            detail = "The secret's page shows whether the mirror was written."
            secret.modified = secret.answered_at = None
            secret.mirror_of = 0
    elif not version_now:
        detail = "The parameter is no longer in the store."
        if removing:
            secret.version = secret.mirror_version = secret.mirror_of = 0
            secret.modified = secret.mirror_modified = None
    elif removing:
        detail = (
            f"The store holds version {version_now}: it was not removed, or it was added again."
        )
    else:
        detail = f"The store holds version {version_now}: it was written."
        secret.version, secret.modified, secret.gone_at = version_now, None, None
        secret.answered_at = None
        secret.changed_at, secret.changed_by = event.at, event.actor
    secret.touched_at = event.at
    conclude(event.pk, Outcome.SETTLED, version_after=version_now or None, detail=detail)
    secret.claim, secret.claimed_until = None, None
