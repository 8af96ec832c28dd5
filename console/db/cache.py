"""The cache: one table that all processes share. Rate limits and used codes are kept in it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache as DjangoCache
from django.db import connection, models, transaction

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_TIME = models.DateTimeField()


class DatabaseCache(DjangoCache):
    """Django's database cache, except that it raises the database's errors.

    If an entry can't be written, Django's returns False, as if the entry existed already. On a full
    disk, every attempt to sign in would be one too many, and every code would count as used. Values
    are stored as JSON, so that someone who can write to the table can't run code with it.
    """

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(table, params)
        self._name = f'"{table}"'

    def add(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None
    ) -> bool:
        """Write an entry unless there is one. Return True if it was written."""
        only_expired = f" WHERE {self._name}.expires <= %s"
        return self._write(
            key, value, timeout, version, only_expired, [_prepare(datetime.now(UTC))]
        )

    def set(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        """Write an entry, and delete all that have expired."""
        expired = f"DELETE FROM {self._name} WHERE expires <= %s"  # noqa: S608 - our own table
        self._execute(expired, [_prepare(datetime.now(UTC))])
        self._write(key, value, timeout, version)

    def touch(self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Postpone an entry's expiry. Return False if there is none."""
        name = self.make_and_validate_key(key, version=version)
        sql = f"UPDATE {self._name} SET expires = %s WHERE cache_key = %s AND expires > %s"  # noqa: S608
        return self._execute(sql, [self._expiry(timeout), name, _prepare(datetime.now(UTC))]) == 1

    def get_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        """Return the entries that exist, by key."""
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        if not names:
            return {}
        places = ", ".join(["%s"] * len(names))
        sql = f"SELECT cache_key, value FROM {self._name} WHERE cache_key IN ({places}) AND expires > %s"  # noqa: E501, S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*names, _prepare(datetime.now(UTC))])
            return {names[name]: json.loads(value) for name, value in cursor.fetchall()}

    def _write(
        self,
        key: Any,
        value: Any,
        timeout: float | None,
        version: Any,
        condition: str = "",
        parameters: Iterable[Any] = (),
    ) -> bool:
        """Insert or replace an entry, the latter on a condition. Return True if it was written."""
        name = self.make_and_validate_key(key, version=version)
        sql = (
            f"INSERT INTO {self._name} (cache_key, value, expires) VALUES (%s, %s, %s) "  # noqa: S608
            f"ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, "
            f"expires = excluded.expires{condition}"
        )
        row = [name, json.dumps(value), self._expiry(timeout)]
        return self._execute(sql, [*row, *parameters]) == 1

    def _execute(self, sql: str, parameters: list[Any]) -> int:
        # A transaction waits in the queue of console.db.sqlite.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return int(cursor.rowcount)

    def _expiry(self, timeout: float | None) -> Any:
        at = self.get_backend_timeout(timeout)
        return _prepare(_NEVER if at is None else datetime.fromtimestamp(at, UTC))


def _prepare(at: datetime) -> Any:
    """Return a time as the database takes it."""
    return _TIME.get_db_prep_value(at, connection)
