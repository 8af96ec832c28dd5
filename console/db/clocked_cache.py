"""The cache's entries also expire if the clock is set back."""

import time
from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from console.db.cache import DatabaseCache
from console.lib.clock import is_within

_MISSING = object()


class ClockedCache(DatabaseCache):
    """The cache in the database, with the time at which each value was stored.

    Without it, an entry lasts until the clock reaches its end, however far it was set back.
    """

    def get_many(self, keys: Iterable[Any], version: Any = None) -> dict[Any, Any]:
        """Return the entries that exist, by key."""
        found = super().get_many(keys, version)
        # What isn't an entry was stored by a version without this class.
        return {key: it["value"] for key, it in found.items() if _is_current(it)}

    def set(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        """Write an entry."""
        super().set(key, self._entry(value, timeout), timeout, version)

    def add(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: Any = None
    ) -> bool:
        """Write an entry unless there is one. Return True if it was written."""
        entry = self._entry(value, timeout)
        if super().add(key, entry, timeout, version):
            return True
        if self.has_key(key, version):
            return False
        self.delete(key, version)  # an outdated entry is in the way
        return super().add(key, entry, timeout, version)

    def has_key(self, key: Any, version: Any = None) -> bool:
        """Return True if there is an entry."""
        return self.get(key, _MISSING, version) is not _MISSING

    def _entry(self, value: Any, timeout: float | None) -> dict[str, Any]:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return {"value": value, "timeout": seconds, "stored_at": time.time()}


def _is_current(entry: Any) -> bool:
    """Return False if the clock was set back by more than the timeout since."""
    if not isinstance(entry, dict) or "stored_at" not in entry:
        return False
    ahead, timeout = entry["stored_at"] - time.time(), entry["timeout"]
    return timeout is None or ahead <= 0 or is_within(timeout, ahead)
