"""/healthz and /readyz under a store that hangs: what load balancers are told, and when."""

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
def elsewhere() -> Callable[[str], int]:
    """Return a function that asks from a thread of its own, as a balancer does."""

    def ask(path: str) -> int:
        try:
            return Client().get(path).status_code
        finally:
            connections.close_all()

    return ask


@pytest.mark.usefixtures("clock")
def test_it_works(
    console_on_ssm: Moto,
    faulty: Faulty,
    elsewhere: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One asks and waits; the others are answered meanwhile, and nobody else asks the store."""
    store = SsmStore(REGION, read_timeout=LONGEST)
    monkeypatch.setattr(probes, "parameter_store", lambda: store)
    faulty.always(Fault.SILENCE)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(elsewhere, "/readyz")
        until(faulty.operations)
        others = [pool.submit(elsewhere, "/readyz").result() for _ in range(5)]
        assert pool.submit(elsewhere, "/healthz").result() == 200
        assert not first.done()
        assert faulty.operations() == ["DescribeParameters"]
        faulty.always(Fault.RESET)
        faulty.let_go()
        assert first.result() == 503
    assert others == [503] * 5


@pytest.mark.usefixtures("clock")
def test_what_was_known_stands_meanwhile(
    console_on_ssm: Moto, faulty: Faulty, elsewhere: Callable[[str], int]
) -> None:
    assert elsewhere("/readyz") == 200
    faulty.always(Fault.SILENCE)
    assert elsewhere("/readyz") == 200  # asked a moment ago
    assert faulty.operations() == ["DescribeParameters"]
