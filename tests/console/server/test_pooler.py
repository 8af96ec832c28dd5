"""A pooler between the console and PostgreSQL: one that gives sessions does, any other is refused.

Without PgBouncer here: what such a pooler does to a connection is that its next transaction is in
another session, which knows nothing of what was prepared before.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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
from tests.console.access.test_production import start as deployed  # noqa: F401 - a fixture
from tests.fixtures.waiting import LONGEST

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
URL = "postgres://console@db.example.com/console"
OFTEN = 10  # the sixth is prepared


class Moved(psycopg.Connection[Any]):
    """A connection whose every statement is in a session that it did not prepare anything in."""

    def execute(self, *arguments: Any, **named: Any) -> Any:
        self.pgconn.exec_(b"DEALLOCATE ALL")
        return super().execute(*arguments, **named)


def idle_in_transactions_end() -> None:
    """Wait until the server has ended one that began now."""
    with closing(connection.copy()) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
        ended, _, _ = select([other.connection.fileno()], [], [], LONGEST)
        assert ended


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new connections be such ones."""
    monkeypatch.setattr(psycopg, "connect", Moved.connect)


@pytest.fixture
def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what `?server_side_binding=0` sets, for new connections."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", 0)


def prepared(like: Any = connection) -> set[str]:
    """Do the same often on a connection of its own; return what stays prepared, by name."""
    with closing(like.copy()) as own, own.cursor() as cursor:
        for number in range(OFTEN):
            cursor.execute("SELECT %s + 1", [number])
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return {name for (name,) in cursor.fetchall()}


@contextmanager
def patience(time: str) -> Iterator[None]:
    """Let new connections give up a lock, or an idle transaction, after that time."""
    options = connection.settings_dict["OPTIONS"]
    limits = f"-c lock_timeout={time} -c idle_in_transaction_session_timeout={time}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(options, "options", limits)
        yield


def states_of_the_lock() -> list[str]:
    """Return what whoever holds the lock of a start is doing."""
    with connection.cursor() as cursor:
        cursor.execute(  # others test on this server too
            "SELECT state FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        )
        return [state for (state,) in cursor.fetchall()]


def test_it_works() -> None:
    assert prepared()
    assert not prepared_statements.are_lost()
    assert str(checks.database().state) == "ok"


@pytest.mark.usefixtures("moved")
def test_a_start_is_refused() -> None:
    refused = pytest.raises(ImproperlyConfigured, match="Set its pool_mode to session, or add")
    with CaptureQueriesContext(connection) as asked, refused:
        start.prepare_database()
    assert asked.captured_queries == []  # of the tables
    assert states_of_the_lock() == []


@pytest.mark.usefixtures("moved")
def test_a_lock_that_was_left_in_the_pooler_keeps_nobody_from_the_words() -> None:
    """As older versions did, whose lock was a session's."""
    with closing(connection.copy()) as left, left.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [start.MIGRATION_LOCK])
        with patience("30s"), pytest.raises(ImproperlyConfigured, match="pool_mode"):
            start.prepare_database()


@pytest.mark.usefixtures("moved")
def test_the_doctor_finds_it() -> None:
    found = checks.database()
    assert (str(found.state), found.hint) == ("error", prepared_statements.NO_SESSIONS)


@pytest.mark.usefixtures("moved", "unbound")
def test_nothing_is_lost_where_nothing_is_prepared() -> None:
    assert prepared() == set()
    assert not prepared_statements.are_lost()
    assert str(checks.database().state) == "ok"


def test_a_starts_lock_is_a_transactions() -> None:
    """A session's would stay in the pooler when the start is over."""
    with start.migration_lock():
        assert states_of_the_lock() == ["idle in transaction"]
    assert states_of_the_lock() == []


def test_a_lock_ends_with_a_start_that_fails() -> None:
    with pytest.raises(OSError, match="disk"), start.migration_lock():
        raise OSError("disk")
    assert states_of_the_lock() == []


def test_a_lock_is_kept_for_as_long_as_a_migration_takes() -> None:
    """The server gives up who idles in a transaction, where it is told so."""
    with patience("2s"), start.migration_lock():
        idle_in_transactions_end()
        assert states_of_the_lock() == ["idle in transaction"]


@pytest.mark.parametrize(
    ("options", "kept"),
    [("", True), ("?sslmode=require", True), ("?server_side_binding=0&sslmode=require", False)],
)
def test_cursors_are_kept_where_statements_are(
    deployed: Callable[..., Any],  # noqa: F811
    options: str,
    kept: bool,
) -> None:
    database = deployed(DATABASE_URL=URL + options).DATABASES["default"]
    assert (database["OPTIONS"]["server_side_binding"] is True) == kept
    assert database.get("DISABLE_SERVER_SIDE_CURSORS", False) != kept
    assert ("sslmode" in database["OPTIONS"]) == ("sslmode" in options)


@contextmanager
def ending() -> Iterator[None]:
    """End this connection's session before its first look at an app, as a pooler's end does."""

    def end(execute: Any, sql: str, *arguments: Any) -> Any:
        if '"console_app"' in sql:
            with closing(connection.copy()) as other, other.cursor() as cursor:
                pid = connection.connection.info.backend_pid
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return execute(sql, *arguments)

    with connection.execute_wrapper(end):
        yield


def test_a_session_that_ends_has_an_answer(as_: Callable[[str], Client]) -> None:
    client = as_("alice")
    client.raise_request_exception = False
    with ending():
        answer = client.get("/")
    close_old_connections()  # as each request does
    assert answer.status_code == 503
    assert "Branchkeep's database did not answer." in answer.text
    assert client.get("/").status_code == 200
