"""Erasing deleted values from SQLite's files.

The pragma secure_delete overwrites deleted rows in the database file, but the write-ahead log keeps
older states of its pages until it is emptied. SECURITY.md says what remains on PostgreSQL.
"""

import threading
from typing import Any

from django.db import OperationalError, connection, transaction

_PATIENCE = 1000  # milliseconds that a request waits for readers, such as a backup
_is_pending = threading.Event()


def erase_deleted() -> None:
    """Empty SQLite's write-ahead log as soon as this transaction has committed.

    While a reader needs the log, it can't be emptied; later requests then try again.
    """
    if connection.vendor == "sqlite":
        transaction.on_commit(_empty_log)


def retry(**_: Any) -> None:
    """Empty the log if an earlier try failed. Receives request_finished."""
    if _is_pending.is_set():
        _empty_log()


def _empty_log() -> None:
    _is_pending.clear()  # first, so that no erasure from now on is missed
    try:
        is_done = _checkpoint()
    except OperationalError:
        is_done = False
    if not is_done:
        _is_pending.set()


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
