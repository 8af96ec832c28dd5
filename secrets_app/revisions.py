"""Which life of a secret somebody saw: what is removed and created anew may have its version again.

A life is a number. The store's own time of a parameter, in microseconds, tells it from every other.
SSM answers a write with a version and no time, so that of our own write is unknown until a check
has seen it: until then the console's own time of that write, below 0, stands for it.
"""

from datetime import UTC, datetime, timedelta

from console.lib.results import encode_base

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stored_revision(modified: datetime) -> int:
    """Return the life that the store shows by a parameter's time."""
    return (modified - _EPOCH) // _MICROSECOND


def provisional_revision(changed_at: datetime) -> int:
    """Return the life that one of ours wrote then, and no check has seen."""
    return -stored_revision(changed_at)


def base(version: int, modified: datetime | None, changed_at: datetime | None) -> str:
    """Return what a form says that a row is based on, from what the projection knows of it."""
    return encode_base(version, _known(modified, changed_at) if version else None)


def _known(modified: datetime | None, changed_at: datetime | None) -> int | None:
    if modified is not None:
        return stored_revision(modified)
    return None if changed_at is None else provisional_revision(changed_at)
