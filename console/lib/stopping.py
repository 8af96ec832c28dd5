"""Tell long work that this process was asked to stop, so that it ends after its current step.

A signal handler sets the flag: gunicorn's worker (console/server/gunicorn.py) and commands
(console/cli/base.py) install one. Work with many steps asks between two of them.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_stopping = False


def request_stop() -> None:
    """Ask the work of this process to stop. May be called in a signal handler."""
    global _stopping
    _stopping = True


def is_stopping() -> bool:
    """Return True if this process was asked to stop."""
    return _stopping


def reset() -> None:
    """Forget the request. The work that it was for has ended."""
    global _stopping
    _stopping = False


def stop_first(number: signal.Signals) -> None:
    """Install a handler that requests a stop, and then does what the installed one does."""
    installed = signal.getsignal(number)

    def handle(number: int, frame: FrameType | None) -> None:
        request_stop()
        if callable(installed):
            installed(number, frame)

    signal.signal(number, handle)


@contextmanager
def finishing_current_step() -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM request a stop, and the second one do what it did before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread alone
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        request_stop()
        signal.signal(number, before[signal.Signals(number)])

    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell starts what runs in the background with Ctrl-C ignored, and it stays so.
    before = {number: it for number, it in found.items() if it != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        reset()
