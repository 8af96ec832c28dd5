"""Compare stored times with the clock, which may have been set back since. No Django.

A wait or a claim stores a time and has a duration. A stored time that lies further ahead of now
than its own duration was stored before the clock was set back: the wait is over, the claim has
expired. A clock that is corrected by less than the duration ends nothing early.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

Duration = TypeVar("Duration", float, timedelta)


def is_within(duration: Duration, elapsed: Duration) -> bool:
    """Return True if a wait is still running, `elapsed` being now minus its start."""
    return abs(elapsed) < duration


def latest_end(now: datetime, duration: timedelta) -> datetime:
    """Return the latest end that a wait of this duration can have. A later one is long over."""
    return now + 2 * duration


def oldest(times: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest of the times; None if there is none or one isn't known."""
    known = [*times]
    return None if None in known else min(filter(None, known), default=None)
