"""The server's own thread for mails: every worker process has one, and no request waits for it.

What it does can be done twice at once, or later by another process, so nothing is lost with it.
`send_notices` does the same once.
"""

import threading

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from console.notifications.delivery import Round, deliver
from console.notifications.outbox import collect

EVERY = 20  # seconds
AFTER_FAILURE = 3  # times as long: a server that is away logs a line a minute

log = structlog.get_logger()


def start() -> None:
    """Start the thread, where there is a mail server. It ends with the process."""
    if settings.MAIL:
        threading.Thread(target=work, name="postman", daemon=True).start()


def work(stop: threading.Event | None = None, every: float = EVERY) -> None:
    """Do a round every so many seconds, until told to stop."""
    stop, pause = stop or threading.Event(), every
    while not stop.wait(pause):
        pause = every if _round() else every * AFTER_FAILURE


def one_round() -> Round:
    """Note what happened since the last round, and send what is due."""
    now = timezone.now()
    collect(now=now)
    return deliver(now=now)


def _round() -> bool:
    """Do a round and say whether it went well. Whatever goes wrong, the thread lives on."""
    try:
        return not one_round().away
    except Exception as error:
        log.error("notices.failed", error=type(error).__name__)
        return False
    finally:
        connection.close()
