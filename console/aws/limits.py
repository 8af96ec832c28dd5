"""Time limits of every call to AWS. No boto3, which costs time and memory to import."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0
DEADLINE = 10.0  # for a call, including its retries (guarantee 43)
SLOT_TIMEOUT = 1.0  # how long a call waits for its turn
MAX_ATTEMPTS = 3  # requests of one call: the first and botocore's retries
LONGEST_ATTEMPT = SLOT_TIMEOUT + CONNECT_TIMEOUT + READ_TIMEOUT  # a call without retries

_ends: ContextVar[float] = ContextVar("ends", default=inf)


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Retry no call of the block that would then end later than in `seconds` (None: no limit).

    For callers that make several calls: they begin another one only if LONGEST_ATTEMPT is left.
    """
    token = _ends.set(inf if seconds is None else monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left() -> float:
    """Return how long the block's caller still waits."""
    return _ends.get() - monotonic()
