"""Tests that commit end with a flush; Django's own takes up to a seventh of a second."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management.commands import flush
from django.db.backends.base.operations import BaseDatabaseOperations

from console.audit import chain, triggers

STAYS = {"django_content_type", "auth_permission"}  # what migrations wrote, and no test changes


@pytest.fixture(scope="session", autouse=True)
def _flush_empties_what_is_full() -> Iterator[None]:
    """Let a flush empty what holds rows: the audit tables, which refuse it, and the cache's, too.

    What migrations wrote stays, so nothing is to be written anew afterwards but the triggers.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", _statements)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", _execute)
        yield


def _statements(style: Any, connection: Any, **_: Any) -> list[str]:
    """Return one DELETE for each table that holds rows; a TRUNCATE costs more, rows or none."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    named = {table: connection.ops.quote_name(table) for table in {*tables} - STAYS}
    holds = [f"SELECT '{it}' WHERE EXISTS (SELECT 1 FROM {name})" for it, name in named.items()]  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(holds))
        return [f"DELETE FROM {named[table]}" for (table,) in cursor.fetchall()]  # noqa: S608 - our own names


def _execute(self: BaseDatabaseOperations, statements: list[str]) -> None:
    """Empty the tables in one transaction, at whose end the foreign keys fit again."""
    chain.forget()
    cache.clear()
    triggers.drop(self.connection)
    _execute_of_django(self, statements)
    triggers.create(self.connection)


_execute_of_django = BaseDatabaseOperations.execute_sql_flush
