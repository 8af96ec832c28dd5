"""Reconcile large apps and finish mirrors, in a thread of each server process.

All processes may work at once: a pass takes the app's turn, and each mirror is claimed. A process
that is killed loses nothing: its turn and claims expire, and the next run starts again.
"""

import threading

import structlog
from django.db import connection

from console.audit import chain
from secrets_app.sync import mirrors, turns
from secrets_app.sync.reconciling import reconcile_now

INTERVAL = 20  # seconds between two runs; a request that leaves work to the thread wakes it
BACKOFF = 3  # times the interval after a failure

log = structlog.get_logger()


def start() -> None:
    """Start the thread. It ends with the process."""
    threading.Thread(target=run, name="secrets", daemon=True).start()


def run(stop: threading.Event | None = None, interval: float = INTERVAL) -> None:
    """Run every `interval` seconds, or when woken, until `stop` is set."""
    stop, pause = stop or threading.Event(), interval
    while not stop.is_set():
        turns.work.wait(pause)
        turns.work.clear()  # first, so that nothing that comes from now on is missed
        pause = interval if _try_once() else interval * BACKOFF


def run_once() -> bool:
    """Do what there is to do. Return False if the store is unavailable."""
    try:
        repairs = mirrors.finish_due()
        for app in turns.waiting_apps():
            reconcile_now(app)
        return not repairs.problem
    finally:
        chain.append_pending_links()


def _try_once() -> bool:
    """Run once and return True on success. Never raises, so that the thread goes on."""
    try:
        return run_once()
    except Exception as error:
        log.error("background.failed", error=type(error).__name__)
        return False
    finally:
        connection.close()  # a waiting thread must not hold a connection
