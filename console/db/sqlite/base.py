"""Django's SQLite backend, with a queue for the threads of a process that want to write.

If SQLite's write lock is taken, SQLite sleeps and tries again, longer each time, so one of many
threads can wait for seconds. With the queue, only one thread per process competes for the lock.
docs/adr/0024-sqlite-writers-queue-in-their-process.md has the measurements.
"""

import threading
from sqlite3 import sqlite_version, sqlite_version_info
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


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that holds its process's writer lock during a transaction.

    Every transaction writes: the setting transaction_mode is IMMEDIATE. Only public methods are
    overridden; atomic() calls them at the beginning and end of its outermost block.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_writer = False

    def set_autocommit(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        """Turn autocommit on or off. Off begins a transaction, so it waits for the lock."""
        self.ensure_connection()
        if not autocommit:
            self._acquire()
        try:
            super().set_autocommit(autocommit, *args, **kwargs)
        except BaseException:
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
            self._release()

    def _acquire(self) -> None:
        timeout = self.settings_dict.get("OPTIONS", {}).get("timeout", 5)
        if not self._is_writer and not _writers.acquire(timeout=timeout):
            raise OperationalError("database is locked")  # SQLite's own message
        self._is_writer = True

    def _release(self) -> None:
        if self._is_writer:
            self._is_writer = False
            _writers.release()
