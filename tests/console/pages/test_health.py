"""/healthz reports the process; /readyz also the database and the store."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.audit.refusals import LIMIT
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World


def _fail(*_: object) -> None:
    raise OperationalError


def test_it_works(db: None, client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/plain"
        assert response.text in {"ok\n", "ready\n"}


def test_healthz_calls_nothing(client: Client, django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_database_away(world: World, client_for: Callable[[str], Client], clock: Any) -> None:
    """The answer needs no query, even when refusals of a minute ago wait to be recorded."""
    client = client_for("charlie")
    for _ in range(LIMIT + 1):
        client.post("/apps/d1shop/hosting/secrets/1/reveal/")
    clock.shift(61)
    with connection.execute_wrapper(_fail):
        assert client.get("/healthz").status_code == 200


def test_store_unavailable(db: None, console_on_ssm: Any, faulty: Faulty, client: Client) -> None:
    faulty.always(Fault.RESET)
    response = client.get("/readyz")
    assert (response.status_code, response.text) == (503, "not ready\n")
    assert client.get("/healthz").status_code == 200
    faulty.heal()
    cache.clear()  # the store's result is cached for a few seconds
    assert client.get("/readyz").status_code == 200


def test_store_denies_access(db: None, console_on_ssm: Any, faulty: Faulty, client: Client) -> None:
    faulty.always(Fault.ACCESS_DENIED)
    response = client.get("/readyz")
    assert (response.status_code, response.text) == (503, "not ready\n")  # without the reason


def test_result_is_cached(db: None, console_on_ssm: Any, faulty: Faulty, client: Client) -> None:
    for _ in range(5):
        assert client.get("/readyz").status_code == 200
    assert faulty.operations() == ["DescribeParameters"]
    cache.clear()
    client.get("/readyz")
    assert len(faulty.operations()) == 2


def test_concurrent_requests_write_nothing(db: None, client: Client) -> None:
    """Otherwise anonymous requests could keep SQLite's only writer busy."""
    client.get("/readyz")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/readyz").status_code == 200
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_no_session(db: None, client: Client, path: str) -> None:
    assert not client.get(path).cookies
