"""Send notifications in a thread of each server process, so that no request waits for mail.

Several threads may work at once, and an interrupted run is picked up by the next, so nothing is
lost. `send_notices` does one run.
"""

import threading

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from console.notifications.delivery import DeliveryResult, deliver
from console.notifications.outbox import enqueue

INTERVAL = 20  # seconds
BACKOFF = 3  # times the interval after a failure, so that an outage logs one line per minute

log = structlog.get_logger()


def start() -> None:
    """Start the thread if there is a mail server. It ends with the process."""
    if settings.MAIL:
        threading.Thread(target=run, name="notifications", daemon=True).start()


def run(stop: threading.Event | None = None, interval: float = INTERVAL) -> None:
    """Run every `interval` seconds until `stop` is set."""
    stop, pause = stop or threading.Event(), interval
    while not stop.wait(pause):
        pause = interval if _try_once() else interval * BACKOFF


def run_once() -> DeliveryResult:
    """Queue what happened since the last run, and send what is due."""
    now = timezone.now()
    enqueue(now=now)
    return deliver(now=now)


def _try_once() -> bool:
    """Run once and return True on success. Never raises, so that the thread goes on."""
    try:
        return not run_once().server_unavailable
    except Exception as error:
        log.error("notices.failed", error=type(error).__name__)
        return False
    finally:
        connection.close()  # a waiting thread must not hold a connection
