"""Connection poolers before PostgreSQL: session pooling works, transaction pooling is rejected.

The tests simulate transaction pooling without PgBouncer: each transaction runs in another session,
which has none of the statements prepared before.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from html import unescape
from select import select
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.db import prepared_statements
from console.ops import checks
from console.server import start
from tests.console.server.test_production import start as deployed  # noqa: F401 - a fixture
from tests.fixtures.waiting import LONGEST

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
URL = "postgres://console@db.example.com/console"
OFTEN = 10  # psycopg prepares the sixth


class TransactionPooled(psycopg.Connection[Any]):
    """A connection whose every statement runs in a session without prepared statements."""

    def execute(self, *arguments: Any, **named: Any) -> Any:
        self.pgconn.exec_(b"DEALLOCATE ALL")
        return super().execute(*arguments, **named)


def idle_in_transactions_end() -> None:
    """Wait until the server would have ended an idle transaction that starts now."""
    with closing(connection.copy()) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
        ended, _, _ = select([other.connection.fileno()], [], [], LONGEST)
        assert ended


@pytest.fixture
def transaction_pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make new connections behave as behind a transaction pooler."""
    monkeypatch.setattr(psycopg, "connect", TransactionPooled.connect)


@pytest.fixture
def no_server_side_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply `?server_side_binding=0` to new connections."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", 0)


def prepared(like: Any = connection) -> set[str]:
    """Repeat a query on a new connection and return the names of its prepared statements."""
    with closing(like.copy()) as own, own.cursor() as cursor:
        for number in range(OFTEN):
            cursor.execute("SELECT %s + 1", [number])
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return {name for (name,) in cursor.fetchall()}


@contextmanager
def server_timeouts(time: str) -> Iterator[None]:
    """Make the server end lock waits and idle transactions after this time."""
    options = connection.settings_dict["OPTIONS"]
    limits = f"-c lock_timeout={time} -c idle_in_transaction_session_timeout={time}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(options, "options", limits)
        yield


def lock_holder_states() -> list[str]:
    """Return the states of the sessions that hold the migration lock."""
    with connection.cursor() as cursor:
        cursor.execute(  # other workers share the server
            "SELECT state FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        )
        return [state for (state,) in cursor.fetchall()]


def test_it_works() -> None:
    assert prepared()
    assert not prepared_statements.are_lost()
    assert str(checks.database().state) == "ok"


@pytest.mark.usefixtures("transaction_pooled")
def test_start_is_rejected() -> None:
    refused = pytest.raises(ImproperlyConfigured, match="Set its pool_mode to session, or add")
    with CaptureQueriesContext(connection) as asked, refused:
        start.prepare_database()
    assert asked.captured_queries == []  # the tables were not created
    assert lock_holder_states() == []


@pytest.mark.usefixtures("transaction_pooled")
def test_start_is_rejected_despite_a_leftover_lock() -> None:
    """As older versions could leave it, whose lock belonged to a session."""
    with closing(connection.copy()) as left, left.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [start.MIGRATION_LOCK])
        with server_timeouts("30s"), pytest.raises(ImproperlyConfigured, match="pool_mode"):
            start.prepare_database()


@pytest.mark.usefixtures("transaction_pooled")
def test_doctor_reports_it() -> None:
    found = checks.database()
    assert (str(found.state), found.hint) == ("error", prepared_statements.NO_SESSIONS)


@pytest.mark.usefixtures("transaction_pooled", "no_server_side_binding")
def test_works_without_prepared_statements() -> None:
    assert prepared() == set()
    assert not prepared_statements.are_lost()
    assert str(checks.database().state) == "ok"


def test_migration_lock_belongs_to_a_transaction() -> None:
    """A lock of a session would stay in the pooler after the start."""
    with start.migration_lock():
        assert lock_holder_states() == ["idle in transaction"]
    assert lock_holder_states() == []


def test_failed_start_releases_the_lock() -> None:
    with pytest.raises(OSError, match="disk"), start.migration_lock():
        raise OSError("disk")
    assert lock_holder_states() == []


def test_lock_survives_a_long_migration() -> None:
    """The server may be configured to end idle transactions."""
    with server_timeouts("2s"), start.migration_lock():
        idle_in_transactions_end()
        assert lock_holder_states() == ["idle in transaction"]


@pytest.mark.parametrize(
    ("options", "kept"),
    [("", True), ("?sslmode=require", True), ("?server_side_binding=0&sslmode=require", False)],
)
def test_server_side_cursors(
    deployed: Callable[..., Any],  # noqa: F811
    options: str,
    kept: bool,
) -> None:
    database = deployed(DATABASE_URL=URL + options).DATABASES["default"]
    assert (database["OPTIONS"]["server_side_binding"] is True) == kept
    assert database.get("DISABLE_SERVER_SIDE_CURSORS", False) != kept
    assert ("sslmode" in database["OPTIONS"]) == ("sslmode" in options)


@contextmanager
def ending_session() -> Iterator[None]:
    """End the session before its first query of apps, as a stopping pooler would."""

    def end(execute: Any, sql: str, *arguments: Any) -> Any:
        if '"console_app"' in sql:
            with closing(connection.copy()) as other, other.cursor() as cursor:
                pid = connection.connection.info.backend_pid
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return execute(sql, *arguments)

    with connection.execute_wrapper(end):
        yield


def test_ended_session_gets_an_error_page(client_for: Callable[[str], Client]) -> None:
    client = client_for("alice")
    client.raise_request_exception = False
    with ending_session():
        response = client.get("/")
    close_old_connections()  # as each request does
    assert response.status_code == 503
    assert "Branchkeep's database did not answer." in unescape(response.text)
    assert client.get("/").status_code == 200
