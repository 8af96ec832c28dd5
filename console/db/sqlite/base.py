"""Django's SQLite backend, with a queue for the threads of a process that want to write.

If SQLite's write lock is taken, SQLite sleeps and tries again, longer each time, so one of many
threads can wait for seconds. With the queue, only one thread per process competes for the lock.
docs/adr/0024-sqlite-writers-queue-in-their-process.md has the measurements.
"""

import threading
from sqlite3 import SQLITE_BUSY, sqlite_version, sqlite_version_info
from sqlite3 import OperationalError as SQLiteError
from time import monotonic
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

if sqlite_version_info < (3, 35):  # RETURNING
    raise ImproperlyConfigured(
        f"This Python comes with SQLite {sqlite_version}, but Branchkeep needs 3.35 or newer. Use "
        "another Python, or set DATABASE_URL to a PostgreSQL database."
    )

_writers = threading.Lock()
_COOLING_OFF = 10.0  # seconds
_BRIEFLY = 0.1  # seconds


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that holds its process's writer lock during a transaction.

    Every transaction writes: the setting transaction_mode is IMMEDIATE. Only public methods are
    overridden; atomic() calls them at the beginning and end of its outermost block.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_writer = False
        self._gave_up_at = -_COOLING_OFF
        self._is_brief = False  # SQLite's own time-out

    def set_autocommit(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        """Turn autocommit on or off. Off begins a transaction, so it waits for the lock."""
        self.ensure_connection()
        try:
            if not autocommit:
                self._acquire()
            super().set_autocommit(autocommit, *args, **kwargs)
        except BaseException as error:
            if isinstance(error, OperationalError) and not autocommit:
                self._gave_up_at = monotonic()
            self._release()
            raise

    def commit(self) -> None:
        """Commit and let the next thread write."""
        try:
            super().commit()
        finally:
            self._release()

    def rollback(self) -> None:
        """Roll back and let the next thread write."""
        try:
            super().rollback()
        finally:
            self._release()

    def close(self) -> None:
        """Close the connection, which ends its transaction."""
        try:
            super().close()
        finally:
            self._is_brief = False
            self._release()

    def _acquire(self) -> None:
        """Wait for the queue, and set how long SQLite waits.

        A connection that has just waited in vain waits briefly. Otherwise a request that goes on
        after the first error, for example to record it, would wait again and again.
        """
        timeout = self.settings_dict.get("OPTIONS", {}).get("timeout", 5)
        is_brief = monotonic() - self._gave_up_at < _COOLING_OFF
        patience = min(timeout, _BRIEFLY) if is_brief else timeout
        if is_brief != self._is_brief:
            self.connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            self._is_brief = is_brief
        if not self._is_writer and not _writers.acquire(timeout=patience):
            raise OperationalError("database is locked") from _busy()
        self._is_writer = True

    def _release(self) -> None:
        if self._is_writer:
            self._is_writer = False
            _writers.release()


def _busy() -> SQLiteError:
    """Return the error of SQLite for a lock that another connection holds."""
    error = SQLiteError("database is locked")
    error.sqlite_errorcode = SQLITE_BUSY
    return error
