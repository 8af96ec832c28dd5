"""The server's own thread for seals: what the requests of a moment wrote is sealed at once.

Sealing takes a transaction that all processes do one after the other; one a request would be a
third of the work of a save. Where no such thread runs, as in commands and tests, each request and
command seals what it wrote.
"""

import threading
from typing import Any

import structlog
from django.core.signals import request_finished
from django.db import close_old_connections

from console.audit import chain

PAUSE = 0.2  # seconds

log = structlog.get_logger()
_waiting = threading.Event()
_one = threading.Lock()


def start() -> None:
    """Start the thread, which does from now on what each request did. It ends with the process."""
    request_finished.disconnect(dispatch_uid="chain")
    request_finished.connect(tell, dispatch_uid="chain")
    threading.Thread(target=work, name="sealer", daemon=True).start()


def tell(**_: Any) -> None:
    """Let the thread seal what this one wrote. Receives request_finished."""
    if chain.wrote():
        _waiting.set()


def work(stop: threading.Event | None = None, pause: float = PAUSE) -> None:
    """Seal what waits, then wait for more, until told to stop."""
    stop = stop or threading.Event()
    while not stop.wait(pause):
        _waiting.wait()
        finish()


def finish() -> None:
    """Seal what waits, if anything does; return when that is done, whoever does it."""
    with _one:
        if _waiting.is_set():
            _waiting.clear()  # before: what is written from now on waits for the next time
            _seal()


def _seal() -> None:
    try:
        close_old_connections()
        chain.try_to_seal()
    except Exception as error:  # whatever goes wrong, the thread lives on
        log.error("audit.not_sealed", error=type(error).__name__)
    finally:
        close_old_connections()
