"""Prepared statements on PostgreSQL: how they are planned, and whether they survive.

A prepared statement belongs to a session. A pooler that gives each transaction a different session
(PgBouncer's `pool_mode = transaction`) loses it, unless the pooler tracks statements itself.
psycopg gives the statements of all connections the same names, so behind such a pooler a connection
could even run a statement that another one prepared. That is why Branchkeep refuses to start there.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db import ProgrammingError, connection, transaction

NO_SESSIONS = (
    "A connection pooler between Branchkeep and PostgreSQL gives each transaction a different "
    "session. Set its pool_mode to session, or add server_side_binding=0 to the options in "
    "DATABASE_URL."
)
_ROUNDS = 5  # in one round, other clients of the pooler may hide the loss


@contextmanager
def custom_plans() -> Iterator[None]:
    """Plan each statement of the block for its own parameters.

    After five executions, PostgreSQL may use one generic plan. That is right for a statement that
    finds one row or a page of rows, and wrong for one that finds a few events of one person and
    nearly all events of another.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield


def are_lost() -> bool:
    """Return True if a connection loses a prepared statement while another connection works.

    Raises django.db.Error if the database does not answer.
    """
    if connection.settings_dict["OPTIONS"].get("server_side_binding") is not True:
        return False  # nothing is prepared
    with closing(connection.copy()) as ours, closing(connection.copy()) as other:
        ours.ensure_connection()
        other.set_autocommit(False)
        return any(_are_lost(ours, other) for _ in range(_ROUNDS))


def _are_lost(ours: Any, other: Any) -> bool:
    try:
        with ours.wrap_database_errors, other.cursor() as cursor:
            ours.connection.execute("SELECT 1", prepare=True)
            cursor.execute("SELECT 1")  # takes a session and keeps it until the rollback
            ours.connection.execute("SELECT 1", prepare=True)
    except ProgrammingError:
        return True
    finally:
        other.rollback()
    return False
