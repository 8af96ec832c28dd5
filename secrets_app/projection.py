"""Updating rows of the projection from the store, and detecting drift."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.access.actors import OUTSIDE
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all
from secrets_app.models import Secret
from secrets_app.store.base import Parameter

# The largest difference between our clock and the store's. AWS rejects requests beyond it.
CLOCK_SKEW = timedelta(minutes=5)
# Among the store's own clocks. The Date header of a response has whole seconds only.
CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class RemoteState:
    """The parameters that the store holds at a secret's primary path and at its mirror."""

    primary: Parameter | None = None
    mirror: Parameter | None = None

    @property
    def version(self) -> int:
        """Return the primary's version, or 0 if there is none."""
        return self.primary.version if self.primary else 0

    @property
    def paths(self) -> list[str]:
        """Return the paths of both."""
        return [found.path for found in (self.primary, self.mirror) if found]

    @property
    def unencrypted(self) -> bool:
        """Return True if one of the parameters is a String."""
        return any(found and not found.encrypted for found in (self.primary, self.mirror))


def matches(secret: Secret, remote: RemoteState) -> bool:
    """Return True if the row already shows this state."""
    return _listed_details(secret, remote) == _details(secret) and (
        _version_and_time(remote.primary),
        _version_and_time(remote.mirror),
        remote.unencrypted,
    ) == (
        (secret.version, secret.modified),
        (secret.mirror_version, secret.mirror_modified),
        secret.unencrypted,
    )


def may_be_stale(secret: Secret, remote: RemoteState) -> bool:
    """Return True if a listed state may be older than the row (listings may lag)."""
    at = secret.answered_at
    return _may_be_outdated(
        remote.primary, secret.version, secret.modified, at
    ) or _may_be_outdated(remote.mirror, secret.mirror_version, secret.mirror_modified, at)


def update_from_store(secret: Secret, remote: RemoteState, now: datetime) -> Action | None:
    """Update the row in memory. Return the change made outside Branchkeep, or None."""
    before, mirror_was_open = _versions(secret), mirror_may_have_changed(secret)
    details = _listed_details(secret, remote)
    mirror_changed = _update_mirror(secret, remote.mirror)
    primary_changed = _update_primary(secret, remote.primary)
    is_shown_otherwise = (secret.unencrypted, *_details(secret)) != (remote.unencrypted, *details)
    if primary_changed or mirror_changed or is_shown_otherwise:
        secret.touched_at = now
    secret.unencrypted = remote.unencrypted
    _show(secret, details)
    if mirror_changed and not mirror_was_open:
        secret.mirror_due_at = None
    if primary_changed or (mirror_changed and not mirror_was_open):
        return _record_outside_change(secret, before, primary_changed, now)
    return None


def update_primary_from_store(
    secret: Secret, found: Parameter | None, now: datetime
) -> Action | None:
    """Like `update_from_store`, if only the primary was read."""
    before, modified = _versions(secret), secret.modified
    if not _update_primary(secret, found):
        # Keep the time unset: it would mark the row as reconciled, and the mirror was not read.
        secret.modified = modified
        return None
    secret.touched_at = now
    secret.modified_by = ""
    return _record_outside_change(secret, before, True, now)


def mirror_may_have_changed(secret: Secret) -> bool:
    """Return True if our last write may have changed the mirror, because its response was lost."""
    return secret.modified is None and 0 < secret.version != secret.mirror_of


def mark_unfinished_mirror(secret: Secret, now: datetime, *, was_written: bool) -> None:
    """Have the background write the mirror, unless our write, now settled, got to it.

    `was_written` says whether that write changed the secret. Otherwise the mirror is ours only if
    it is known to hold an earlier value, and nobody changed either since.
    """
    is_ours = secret.changed_by and (was_written or secret.mirror_of)
    if secret.branch_id and secret.version and is_ours and secret.mirror_of != secret.version:
        secret.mirror_due_at = now


def adopt_paths(secret: Secret, remote: RemoteState, now: datetime) -> None:
    """Update the row in memory to its new paths, after the app's path profile changed.

    This is no drift. The new mirror was never compared with the new primary.
    """
    details = _listed_details(secret, remote)
    secret.version, secret.modified = _version_and_time(remote.primary)
    secret.mirror_version, secret.mirror_modified = _version_and_time(remote.mirror)
    secret.mirror_of, secret.gone_at, secret.touched_at = 0, None, now
    secret.unencrypted = remote.unencrypted
    _show(secret, details)
    secret.mirror_due_at = None


def principal(arn: str, *, is_operator: bool) -> str:
    """Return a principal or key of AWS as an operator sees it, or its last part for members."""
    return arn if is_operator else re.split("[/:]", arn)[-1]


def kept_by_writes(secret: Secret, *, is_operator: bool) -> list[tuple[str, str]]:
    """Return what isn't the default in the store and every write keeps: KMS keys and tiers.

    Keys are without an account for members.
    """
    found = {
        "KMS key": principal(secret.key_id, is_operator=is_operator),
        "KMS key of the mirror": principal(secret.mirror_key_id, is_operator=is_operator),
        "Tier": "Advanced" if secret.advanced else "",
        "Tier of the mirror": "Advanced" if secret.mirror_advanced else "",
    }
    return [(label, text) for label, text in found.items() if text]


def mirror_key(secret: Secret) -> str:
    """Return the KMS key for writing the mirror. A new mirror gets the secret's own."""
    return secret.mirror_key_id if secret.mirror_version else secret.key_id


def key_and_tier(secret: Secret, version: int) -> dict[str, Any]:
    """Return the KMS key and the tier of what holds the value: without a version, the mirror."""
    if version:
        return {"key_id": secret.key_id, "advanced": secret.advanced}
    return {"key_id": secret.mirror_key_id, "advanced": secret.mirror_advanced}


_DETAILS = ("modified_by", "key_id", "advanced", "mirror_key_id", "mirror_advanced")


def _details(secret: Secret) -> tuple[Any, ...]:
    return tuple(getattr(secret, name) for name in _DETAILS)


def _show(secret: Secret, details: tuple[Any, ...]) -> None:
    for name, value in zip(_DETAILS, details, strict=True):
        setattr(secret, name, value)


def _listed_details(secret: Secret, remote: RemoteState) -> tuple[Any, ...]:
    """Return what only a listing says, as the row should show it.

    Someone who wrote an earlier version is no longer named. Key and tier stay known while the
    parameter exists.
    """
    primary, mirror = remote.primary, remote.mirror
    modified_by, key_id, advanced, mirror_key_id, mirror_advanced = "", "", False, "", False
    if primary:
        is_same = (primary.version, primary.modified) == (secret.version, secret.modified)
        known = secret.modified_by if is_same else ""
        modified_by = known if primary.modified_by is None else primary.modified_by
        key_id = secret.key_id if primary.key_id is None else primary.key_id
        advanced = secret.advanced if primary.advanced is None else primary.advanced
    if mirror:
        mirror_key_id = secret.mirror_key_id if mirror.key_id is None else mirror.key_id
        mirror_advanced = secret.mirror_advanced if mirror.advanced is None else mirror.advanced
    return modified_by, key_id, advanced, mirror_key_id, mirror_advanced


def _version_and_time(found: Parameter | None) -> tuple[int, datetime | None]:
    return (found.version, found.modified) if found else (0, None)


def _may_be_outdated(
    found: Parameter | None, version: int, modified: datetime | None, answered_at: datetime | None
) -> bool:
    if found is None:
        return version > 0
    # Our own write, or an earlier parameter that we removed before writing this one.
    if found.version == version and modified is None:
        return answered_at is not None and found.modified < answered_at - CLOCK_TOLERANCE
    if found.version == version and modified == found.modified:
        return False
    return modified is None or found.modified <= modified


def _versions(secret: Secret) -> tuple[int, int]:
    return secret.version, secret.mirror_version


def _update_primary(secret: Secret, found: Parameter | None) -> bool:
    version, modified = _version_and_time(found)
    recreated = version == secret.version and is_recreated(secret, secret.modified, modified)
    primary_changed = recreated or version != secret.version
    if recreated or version < secret.version:  # re-created, so its versions count from 1 again
        secret.mirror_of = 0
    secret.version, secret.modified = version, modified
    return primary_changed


def _update_mirror(secret: Secret, found: Parameter | None) -> bool:
    version, modified = _version_and_time(found)
    changed = version != secret.mirror_version or is_recreated(
        secret, secret.mirror_modified, modified
    )
    if changed:
        secret.mirror_of = 0
    secret.mirror_version, secret.mirror_modified = version, modified
    return changed


def is_recreated(secret: Secret, known: datetime | None, modified: datetime | None) -> bool:
    """Return True if a parameter with a known version is another one that was re-created."""
    if modified is None:
        return False
    if known is None:  # our own write, whose time in the store we haven't read yet
        answered_at = secret.answered_at
        return modified > (
            answered_at + CLOCK_TOLERANCE if answered_at else secret.touched_at + CLOCK_SKEW
        )
    return modified != known


def version_before(secret: Secret, found: Parameter | None) -> int:
    """Return the row's version, or 0 if the store has another parameter of that number by now."""
    is_same = found is not None and found.version == secret.version
    if is_same and found and is_recreated(secret, secret.modified, found.modified):
        return 0
    return secret.version


def _record_outside_change(
    secret: Secret, before: tuple[int, int], primary_changed: bool, now: datetime
) -> Action:
    after = _versions(secret)
    if primary_changed:
        secret.mirror_due_at = None
    if not any(after):
        secret.gone_at = now
        return Action.FOUND_REMOVED
    secret.gone_at = None
    if primary_changed or secret.changed_at is None:
        secret.changed_by = ""
        secret.changed_at = secret.modified or secret.mirror_modified or now
    if primary_changed and not after[0]:  # a mirror that is left is no secret
        return Action.FOUND_REMOVED
    existed = before[0] if primary_changed else any(before)
    return Action.FOUND_CHANGED if existed else Action.FOUND_ADDED


@dataclass(frozen=True, slots=True)
class ExternalChange:
    """A change made outside Branchkeep, for the audit trail. Versions are None if there is none.

    If a secret was removed and added again with the number it had, there is none before.
    """

    action: Action
    target: Target
    before: int | None
    after: int | None
    by: str = ""  # the principal's short name, which every member may see


def principal_in(detail: str) -> str:
    """Return the principal that the outcome of such a change names, "" for none."""
    return detail.removeprefix("By ").removesuffix(".")


def record_drift(changes: Sequence[ExternalChange]) -> None:
    """Write changes made outside Branchkeep to the audit trail. Takes two queries."""
    attempts = ((change.action, change.target, change.before) for change in changes)
    events = attempt_all(OUTSIDE, attempts, change_set=None)
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, change.after, f"By {change.by}." if change.by else "")
        for event, change in zip(events, changes, strict=True)
    )
