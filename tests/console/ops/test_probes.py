"""/healthz and /readyz while the store hangs: what load balancers get, and when."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from secrets_app.pages import probes
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.moto import REGION, Moto
from tests.fixtures.waiting import LONGEST, until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def request_in_thread() -> Callable[[str], int]:
    """Return a function that sends a request from a thread of its own."""

    def send(path: str) -> int:
        try:
            return Client().get(path).status_code
        finally:
            connections.close_all()

    return send


@pytest.mark.usefixtures("clock")
def test_it_works(
    console_on_ssm: Moto,
    faulty: Faulty,
    request_in_thread: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One request waits for the store; the others get a response without calling it."""
    store = SsmStore(REGION, read_timeout=LONGEST)
    monkeypatch.setattr(probes, "parameter_store", lambda: store)
    faulty.always(Fault.SILENCE)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(request_in_thread, "/readyz")
        until(faulty.operations)
        others = [pool.submit(request_in_thread, "/readyz").result() for _ in range(5)]
        assert pool.submit(request_in_thread, "/healthz").result() == 200
        assert not first.done()
        assert faulty.operations() == ["DescribeParameters"]
        faulty.always(Fault.RESET)
        faulty.let_go()
        assert first.result() == 503
    assert others == [503] * 5


@pytest.mark.usefixtures("clock")
def test_last_result_is_used_while_waiting(
    console_on_ssm: Moto, faulty: Faulty, request_in_thread: Callable[[str], int]
) -> None:
    assert request_in_thread("/readyz") == 200
    faulty.always(Fault.SILENCE)
    assert request_in_thread("/readyz") == 200  # checked a moment ago
    assert faulty.operations() == ["DescribeParameters"]
