"""On SQLite the writers of a process wait in line, and whoever leaves it lets the next one in."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import pytest
from django.db import (
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.test import Client

from console.models import App
from tests.fixtures.waiting import LONGEST

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no line to wait in"),
]


def add(name: str) -> None:
    """Add an app, in a transaction."""
    with transaction.atomic():
        App.objects.create(app_id=f"d{name}", name=name, region="us-east-1")


def of_another_thread(act: Callable[[], object]) -> object:
    """Return what `act` comes to in a thread, whose connection is closed then."""

    def work() -> object:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result(timeout=LONGEST)


def test_it_works() -> None:
    def twenty(thread: int) -> None:
        for number in range(20):
            add(f"{thread}x{number}")
        connection.close()

    with ThreadPoolExecutor(16) as threads:
        done, _ = wait([threads.submit(twenty, thread) for thread in range(16)], timeout=LONGEST)
    assert [task.exception() for task in done] == [None] * 16
    assert App.objects.count() == 320


def test_who_waits_goes_on_when_the_other_is_done() -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            add("first")
            second = threads.submit(of_another_thread, lambda: add("second"))
            assert not second.done()
        second.result(timeout=LONGEST)
    assert set(App.objects.values_list("name", flat=True)) == {"first", "second"}


def fail_inside() -> None:
    with transaction.atomic():
        add("same")
        add("same")


def close_inside() -> None:
    with transaction.atomic():
        add("lost")
        connection.close()


@pytest.mark.parametrize("act", [fail_inside, close_inside])
def test_who_fails_leaves_the_line(act: Callable[[], None]) -> None:
    with suppress(IntegrityError):
        of_another_thread(act)
    of_another_thread(lambda: add("next"))
    assert list(App.objects.values_list("name", flat=True)) == ["next"]


def test_a_place_that_another_process_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="database is locked"):
        of_another_thread(lambda: add("late"))
    other.execute("ROLLBACK")
    other.close()
    of_another_thread(lambda: add("next"))
    assert App.objects.get().name == "next"


def test_who_waited_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    with transaction.atomic(), pytest.raises(OperationalError, match="database is locked"):
        of_another_thread(lambda: add("late"))
    of_another_thread(lambda: add("next"))
    assert App.objects.get().name == "next"


def test_a_page_says_so_too(as_: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch) -> None:
    client = as_("alice")
    client.raise_request_exception = False
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    fields = {"name": "Renamed", "path_profile": "both"}
    with transaction.atomic(), ThreadPoolExecutor(1) as threads:
        post = threads.submit(client.post, "/apps/d1shop/settings/general/", fields)
        answer = post.result(timeout=LONGEST)
    assert answer.status_code == 503
    assert "If you were saving, check first whether it was saved" in answer.text
    assert App.objects.get(app_id="d1shop").name == "Shop"
