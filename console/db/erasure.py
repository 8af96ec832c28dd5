"""Erasing deleted values from SQLite's files.

The pragma secure_delete overwrites deleted rows. Now and then SQLite still leaves a copy in the
unused space of a page that it reorganizes; VACUUM rewrites all pages. The write-ahead log keeps
older states of pages until it is emptied. SECURITY.md says what remains on PostgreSQL.
"""

import threading
from contextlib import suppress
from typing import Any

from django.db import OperationalError, connection, transaction

_PATIENCE = 1000  # milliseconds that a request waits for readers, such as a backup
_LARGE = 64 << 20  # bytes; rewriting more would hold up other people's saves for seconds
_is_pending = threading.Event()


def erase_deleted() -> None:
    """Erase what was deleted from SQLite's files as soon as this transaction has committed."""
    if connection.vendor == "sqlite":
        transaction.on_commit(_erase)


def retry(**_: Any) -> None:
    """Empty the log if an earlier try failed. Receives request_finished."""
    if _is_pending.is_set():
        empty_log()


def empty_log() -> None:
    """Empty SQLite's write-ahead log. While a reader needs it, later requests try again."""
    if connection.vendor != "sqlite":
        return
    _is_pending.clear()  # first, so that no erasure from now on is missed
    try:
        is_done = _checkpoint()
    except OperationalError:
        is_done = False
    if not is_done:
        _is_pending.set()


def _erase() -> None:
    with suppress(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        if cursor.fetchone()[0] <= _LARGE:
            cursor.execute("VACUUM")
    empty_log()


def _checkpoint() -> bool:
    """Copy the log into the database file and truncate it. Return False if a reader needs it."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        [timeout] = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            [is_busy, _in_log, _copied] = cursor.fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {timeout}")
    return not is_busy
