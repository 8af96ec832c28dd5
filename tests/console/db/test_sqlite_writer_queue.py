"""On SQLite, the writers of a process wait in a queue, one after the other."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import Client

from console.models import App
from tests.fixtures.waiting import LONGEST

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no writer queue"),
]


def add(name: str) -> None:
    """Add an app, in a transaction."""
    with transaction.atomic():
        App.objects.create(app_id=f"d{name}", name=name, region="us-east-1")


def in_thread(work: Callable[[], object]) -> object:
    """Run the work in a thread, close the thread's connection, and return the result."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result(timeout=LONGEST)


def test_it_works() -> None:
    def add_twenty(thread: int) -> None:
        for number in range(20):
            add(f"{thread}x{number}")
        connection.close()

    with ThreadPoolExecutor(16) as threads:
        done, _ = wait(
            [threads.submit(add_twenty, thread) for thread in range(16)], timeout=LONGEST
        )
    assert [task.exception() for task in done] == [None] * 16
    assert App.objects.count() == 320


def test_a_waiting_writer_continues() -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            add("first")
            second = threads.submit(in_thread, lambda: add("second"))
            assert not second.done()
        second.result(timeout=LONGEST)
    assert set(App.objects.values_list("name", flat=True)) == {"first", "second"}


def fail_in_transaction() -> None:
    with transaction.atomic():
        add("same")
        add("same")


def close_in_transaction() -> None:
    with transaction.atomic():
        add("lost")
        connection.close()


@pytest.mark.parametrize("work", [fail_in_transaction, close_in_transaction])
def test_a_failed_writer_leaves_the_queue(work: Callable[[], None]) -> None:
    with suppress(IntegrityError):
        in_thread(work)
    in_thread(lambda: add("next"))
    assert list(App.objects.values_list("name", flat=True)) == ["next"]


def test_another_process_holds_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="database is locked"):
        in_thread(lambda: add("late"))
    other.execute("ROLLBACK")
    other.close()
    in_thread(lambda: add("next"))
    assert App.objects.get().name == "next"


def test_after_waiting_in_vain_a_connection_waits_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that records its failure must not wait again: its answer would take too long."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)
    name = connection.settings_dict["NAME"]
    other = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def try_twice() -> list[int]:
        timeouts = []
        for name in ("first", "second"):
            with suppress(OperationalError):
                add(name)
            timeouts.append(sqlite_timeout())
        other.execute("ROLLBACK")
        add("third")
        return timeouts

    try:
        assert in_thread(try_twice) == [200, 100]  # this thread's may just have waited in vain
    finally:
        other.close()
    assert App.objects.get().name == "third"


def sqlite_timeout() -> int:
    """Return how long SQLite waits for a lock, in milliseconds."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        return int(cursor.fetchone()[0])


def test_waiting_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    with transaction.atomic(), pytest.raises(OperationalError, match="database is locked"):
        in_thread(lambda: add("late"))
    in_thread(lambda: add("next"))
    assert App.objects.get().name == "next"


def test_waiting_too_long_on_a_page(
    client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for("alice")
    client.raise_request_exception = False
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    fields = {"name": "Renamed", "path_profile": "both"}
    with transaction.atomic(), ThreadPoolExecutor(1) as threads:
        post = threads.submit(client.post, "/apps/d1shop/settings/general/", fields)
        response = post.result(timeout=LONGEST)
    assert response.status_code == 503
    assert "If you were saving, check first whether it was saved" in response.text
    assert App.objects.get(app_id="d1shop").name == "Shop"
