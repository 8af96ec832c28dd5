"""Break the database on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def without_table(table: str) -> Iterator[None]:
    """Rename a table for a while, so that everything that needs it raises a DatabaseError."""
    rename = 'ALTER TABLE "{}" RENAME TO "{}"'.format
    with connection.cursor() as cursor:
        cursor.execute(rename(table, "elsewhere"))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(rename("elsewhere", table))
