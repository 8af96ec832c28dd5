"""What PostgreSQL keeps of a statement that a connection has prepared, and how it plans it.

It keeps them in the session. A pooler that gives each transaction another session (PgBouncer's
`pool_mode = transaction`) loses them, unless it knows of them itself. psycopg numbers the
statements of each connection from 0, so where they are lost, a number may stand for another
connection's statement: that one would be run, with our values.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db import ProgrammingError, connection, transaction

NO_SESSIONS = (
    "A connection pooler between Branchkeep and PostgreSQL gives each transaction a different "
    "session. Set its pool_mode to session, or add server_side_binding=0 to the options in "
    "DATABASE_URL."
)
_ROUNDS = 5  # others at work may have it look well once


@contextmanager
def for_their_values() -> Iterator[None]:
    """Have each statement of the block planned for the values that it comes with.

    After five times PostgreSQL may take one plan for all values. That is right where a statement
    finds one row or a page of them, and wrong where it finds few entries of one person and nearly
    all of another.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield


def number_apart(connection: Any, **_: Any) -> None:
    """Number a new connection's statements from a number of its own, which no other can meet.

    Receives connection_created. What a pooler loses is then an error, and never another statement.
    """
    if connection.vendor == "postgresql":
        connection.connection._prepared._prepared_idx = secrets.randbits(62)


def are_lost() -> bool:
    """Say whether a statement that one connection prepared is gone while another is at work.

    Raises django.db.Error where the database does not answer.
    """
    if connection.settings_dict["OPTIONS"].get("server_side_binding") is not True:
        return False  # none is prepared
    with closing(connection.copy()) as ours, closing(connection.copy()) as other:
        ours.ensure_connection()
        other.set_autocommit(False)
        return any(_are_lost(ours, other) for _ in range(_ROUNDS))


def _are_lost(ours: Any, other: Any) -> bool:
    try:
        with ours.wrap_database_errors, other.cursor() as cursor:
            ours.connection.execute("SELECT 1", prepare=True)
            cursor.execute("SELECT 1")  # takes a session, and keeps it
            ours.connection.execute("SELECT 1", prepare=True)
    except ProgrammingError:
        return True
    finally:
        other.rollback()
    return False
