"""Keep the recycle bin in order, and remove copies of deleted previews.

A thread of each server process does that: it finishes what was interrupted, and deletes for good
what has expired. All processes may do this at once, because each entry is claimed.
`manage.py purge_bin` and `manage.py settle` do the same.
"""

import threading

import structlog
from django.db import close_old_connections, connection

from console.audit import chain_worker
from console.environment.recycle_bin import BinUpkeep
from console.environment.sources import sources
from console.workflows.previews.removal import remove_copies_of_deleted

INTERVAL = 60  # seconds

log = structlog.get_logger()


def start() -> None:
    """Start the thread. It ends with the process."""
    threading.Thread(target=run, name="recycle bin", daemon=True).start()


def run(stop: threading.Event | None = None, interval: float = INTERVAL) -> None:
    """Work every `interval` seconds, until `stop` is set."""
    stop = stop or threading.Event()
    while not stop.wait(interval):
        _try_once()


def clean_up() -> BinUpkeep:
    """Finish what was interrupted and delete what has expired, in every source.

    Removes copies of deleted previews first.
    """
    remove_copies_of_deleted()
    result = BinUpkeep()
    for source in sources():
        done = source.bin.clean_up()
        result.finished += done.finished
        result.purged += done.purged
        result.problem = done.problem or result.problem
    return result


def _try_once() -> None:
    """Clean up once. Never raises, so that the thread goes on."""
    try:
        close_old_connections()
        clean_up()
        chain_worker.notify()
    except Exception as error:
        log.error("bin.failed", error=type(error).__name__)
    finally:
        connection.close()  # a waiting thread must not hold a connection
