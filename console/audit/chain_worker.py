"""Append chain links in a thread of the server, for several requests at once.

Appending takes a transaction that only one process can run at a time. One per request would be a
third of the work of a save. Without this thread, as in commands and tests, each request and command
appends its own links.
"""

import threading
from collections.abc import Callable
from typing import Any

import structlog
from django.core.signals import request_finished
from django.db import close_old_connections

from console.audit import chain

PAUSE = 0.2  # seconds between two appends

log = structlog.get_logger()
_has_pending = threading.Event()
_flush_lock = threading.Lock()


def start() -> None:
    """Start the thread, which takes over from the request_finished handler.

    It ends with the process.
    """
    request_finished.disconnect(dispatch_uid="chain")
    request_finished.connect(notify, dispatch_uid="chain")
    threading.Thread(target=run, name="audit-chain", daemon=True).start()


def notify(**_: Any) -> None:
    """Tell the thread that this request has written audit rows. Receives request_finished."""
    if chain.pop_pending():
        _has_pending.set()


def run(stop: threading.Event | None = None, pause: float = PAUSE) -> None:
    """Append links whenever some are pending, until `stop` is set."""
    stop = stop or threading.Event()
    while not stop.wait(pause):
        _has_pending.wait()
        flush()


def flush() -> None:
    """Append pending links. Blocks until another thread's flush is done."""
    with _flush_lock:
        if _has_pending.is_set():
            _has_pending.clear()  # first, so that no row written from now on is missed
            _run_safely(chain.try_append_links)


def _run_safely(act: Callable[[], None]) -> None:
    try:
        close_old_connections()
        act()
    except Exception as error:  # whatever happens, the thread must go on
        log.error("audit.not_sealed", error=type(error).__name__)
    finally:
        close_old_connections()
