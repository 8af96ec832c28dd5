"""Conclude what no request concludes, in a thread of each server process.

These are requests that were cut off, such as a reveal, and counts of refused requests.
"""

import threading

import structlog
from django.db import close_old_connections, connection

from console.audit import chain_worker, refusals
from console.audit.reconcile import settle_requests

INTERVAL = 60  # seconds

log = structlog.get_logger()


def start() -> None:
    """Start the thread. It ends with the process."""
    threading.Thread(target=run, name="settling", daemon=True).start()


def run(stop: threading.Event | None = None, interval: float = INTERVAL) -> None:
    """Settle at the start, and then every `interval` seconds until `stop` is set."""
    stop, after = stop or threading.Event(), 0
    while True:
        after = _try_once(after)
        if stop.wait(interval):
            return


def _try_once(after: int) -> int:
    """Settle once. Never raises, so that the thread goes on."""
    try:
        close_old_connections()
        refusals.conclude_counted()
        after = settle_requests(after)
        chain_worker.notify()
    except Exception as error:
        log.error("audit.not_settled", error=type(error).__name__)
    finally:
        connection.close()  # a waiting thread must not hold a connection
    return after
