"""Waiting for what another thread or process does."""

from collections.abc import Callable
from time import monotonic, sleep

LONGEST = 60  # seconds: far more than a busy machine takes


def until(happened: Callable[[], object], longest: float = LONGEST) -> None:
    """Return once it happened; raise TimeoutError if that takes longer than any machine does."""
    end = monotonic() + longest
    while not happened():
        if monotonic() > end:
            raise TimeoutError
        sleep(0.02)
