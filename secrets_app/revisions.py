"""Revisions: with the version, they identify one state of a secret.

They guard against ABA: a parameter that is deleted and re-created can reuse a version number. A
revision is the store's modification time in microseconds. SSM answers a write without that time, so
until the next reconcile a secret that we wrote has a provisional revision: our own time of the
write, as a negative number.
"""

from datetime import UTC, datetime, timedelta

from console.lib.results import encode_base

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stored_revision(modified: datetime) -> int:
    """Return the revision of a parameter with this modification time in the store."""
    return (modified - _EPOCH) // _MICROSECOND


def provisional_revision(changed_at: datetime) -> int:
    """Return the provisional revision of a write that we made at this time."""
    return -stored_revision(changed_at)


def base(version: int, modified: datetime | None, changed_at: datetime | None) -> str:
    """Return a row's version and revision as text, for a form's hidden field."""
    return encode_base(version, _revision(modified, changed_at) if version else None)


def _revision(modified: datetime | None, changed_at: datetime | None) -> int | None:
    if modified is not None:
        return stored_revision(modified)
    return None if changed_at is None else provisional_revision(changed_at)
