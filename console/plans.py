"""How PostgreSQL plans a statement that a connection has prepared.

After five times it may take one plan for all values. That is right where a statement finds one row
or a page of them, and wrong where it finds few entries of one person and nearly all of another.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def for_their_values() -> Iterator[None]:
    """Have each statement of the block planned for the values that it comes with."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield
