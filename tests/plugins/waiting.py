"""Waiting for what another thread or process does."""

import threading
from collections.abc import Callable


def until(happened: Callable[[], bool]) -> None:
    """Return once it happened; raise TimeoutError after 20 seconds."""
    wait = threading.Event()
    for _ in range(400):
        if happened():
            return
        wait.wait(0.05)
    raise TimeoutError
