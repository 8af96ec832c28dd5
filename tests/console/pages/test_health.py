"""Whether the process answers, and whether the database and the store do."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.fixtures.faulty import Fault, Faulty


def test_it_works(db: None, client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.text in {"ok\n", "ready\n"}


def test_healthz_asks_nothing(client: Client, django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_the_store_is_away(db: None, console_on_ssm: Any, faulty: Faulty, client: Client) -> None:
    faulty.always(Fault.RESET)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready\n")
    assert client.get("/healthz").status_code == 200
    faulty.heal()
    cache.clear()  # what the store said is remembered for a few seconds
    assert client.get("/readyz").status_code == 200


def test_the_store_refuses_us(
    db: None, console_on_ssm: Any, faulty: Faulty, client: Client
) -> None:
    faulty.always(Fault.ACCESS_DENIED)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready\n")  # and no word of why


def test_asking_often_asks_the_store_once(
    db: None, console_on_ssm: Any, faulty: Faulty, client: Client
) -> None:
    for _ in range(5):
        assert client.get("/readyz").status_code == 200
    assert faulty.operations() == ["DescribeParameters"]
    cache.clear()
    client.get("/readyz")
    assert len(faulty.operations()) == 2


def test_who_asks_meanwhile_writes_nothing(db: None, client: Client) -> None:
    """Or whoever likes to would keep SQLite's one writer busy, or wait for it."""
    client.get("/readyz")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/readyz").status_code == 200
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_starts_no_session(db: None, client: Client, path: str) -> None:
    assert not client.get(path).cookies
