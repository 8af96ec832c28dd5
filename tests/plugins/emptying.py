"""Tests that commit end with a flush. Two kinds of table need a hand there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db.backends.base.operations import BaseDatabaseOperations

from console import chain, triggers

_flush = BaseDatabaseOperations.execute_sql_flush


@pytest.fixture(scope="session", autouse=True)
def _flush_empties_everything() -> Iterator[None]:
    """Let a flush empty the audit tables, which refuse it, and the cache's, which it leaves out.

    After a flush Django sends post_migrate, which puts the triggers back.
    """

    def execute(self: Any, statements: list[str]) -> None:
        triggers.drop(self.connection)
        chain.forget()
        cache.clear()
        _flush(self, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", execute)
        yield
