"""Threads in which each server process works in the background. Feature apps register theirs.

The core's own, for notifications and chain links, are started by name. None is started by commands
or tests.
"""

from collections.abc import Callable

_starters: list[Callable[[], None]] = []


def register(start: Callable[[], None]) -> None:
    """Have each server process call `start`, which starts a daemon thread."""
    _starters.append(start)


def start_all() -> None:
    """Start the registered threads."""
    for start in _starters:
        start()
