"""Django's SQLite, where the threads of a process wait in line for the one place for a writer.

SQLite lets who finds the place taken sleep, longer each time, and look again: with sixteen threads
some wait for seconds. In line, two processes are all that can meet there.
"""

import threading
from sqlite3 import sqlite_version, sqlite_version_info
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

if sqlite_version_info < (3, 35):  # it does not tell what it has written
    raise ImproperlyConfigured(
        f"This Python comes with SQLite {sqlite_version}, but Branchkeep needs 3.35 or newer. Use "
        "another Python, or set DATABASE_URL to a PostgreSQL database."
    )

_place = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that has its process's place for a writer while it is in a transaction.

    What is ignored below are methods that the stubs of Django do not have.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_place = False

    def _start_transaction_under_autocommit(self) -> None:
        patience = self.settings_dict.get("OPTIONS", {}).get("timeout", 5)
        if not _place.acquire(timeout=patience):
            raise OperationalError("database is locked")  # as SQLite says it
        self._has_place = True
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        finally:
            self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._has_place:
            self._has_place = False
            _place.release()
