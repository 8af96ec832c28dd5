"""Every SSM call ends within ten seconds, however SSM hangs (guarantee 43).

The tests don't measure time: they count attempts, which have fixed time limits.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool

from console.aws.limits import CONNECT_TIMEOUT, DEADLINE, READ_TIMEOUT
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import OutcomeUnknown, Unreachable
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.waiting import LONGEST, until

PATH = "/amplify/d1/main/foo"


@pytest.fixture
def unresponsive_port(aws_environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Point botocore at a port whose connection queue is full, so that connecting hangs."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        aws_environment.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{port}")
        yield


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the path of each attempt, answered or not."""
    made: list[str] = []
    urlopen = HTTPConnectionPool.urlopen

    def recording_urlopen(pool: HTTPConnectionPool, *arguments: Any, **named: Any) -> Any:
        made.append(named["url"])
        return urlopen(pool, *arguments, **named)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", recording_urlopen)
    return made


@pytest.mark.slow
def test_it_works_without_a_response(faulty: Faulty, attempts: list[str]) -> None:
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable) as failure:
        SsmStore(REGION).ping()
    assert failure.value.code == "ReadTimeoutError"
    assert len(attempts) == 1
    assert CONNECT_TIMEOUT + READ_TIMEOUT < DEADLINE <= 10


@pytest.mark.slow
def test_it_works_without_a_connection(unresponsive_port: None, attempts: list[str]) -> None:
    with pytest.raises(Unreachable) as failure:
        SsmStore(REGION).ping()
    assert failure.value.code == "ConnectTimeoutError"
    assert len(attempts) <= 2  # a third could exceed the deadline
    assert 2 * CONNECT_TIMEOUT + READ_TIMEOUT < DEADLINE


def test_a_read_timeout_is_not_retried(faulty: Faulty, hasty_store: SsmStore) -> None:
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable):
        hasty_store.read([PATH])
    with pytest.raises(OutcomeUnknown):
        hasty_store.put(PATH, SecretValue("x"), overwrite=True)
    with pytest.raises(OutcomeUnknown):
        hasty_store.remove([PATH])
    sent = ["DeleteParameters", "GetParameters", "PutParameter"]
    until(lambda: sorted(faulty.operations()) == sent)  # the proxy may read it later


def test_a_write_without_a_response_may_have_happened(
    faulty: Faulty, faulty_store: SsmStore, hasty_store: SsmStore
) -> None:
    faulty.next(Fault.SILENCE_AFTER)
    with pytest.raises(OutcomeUnknown):
        hasty_store.put(PATH, SecretValue("x"), overwrite=False)
    # The proxy may still be forwarding it when the client gives up
    until(lambda: PATH in faulty_store.current([PATH]))


def test_no_retry_after_a_read_timeout(faulty: Faulty, hasty_store: SsmStore) -> None:
    faulty.next(Fault.RESET)
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable):
        hasty_store.ping()
    assert len(faulty.requests) == 2


def test_connecting_is_tried_three_times(unresponsive_port: None, attempts: list[str]) -> None:
    store = SsmStore(REGION, connect_timeout=0.2, read_timeout=0.2)
    with pytest.raises(Unreachable):
        store.put(PATH, SecretValue("x"), overwrite=True)
    assert len(attempts) == 3


def test_no_retry_that_could_exceed_the_deadline(
    unresponsive_port: None, attempts: list[str]
) -> None:
    store = SsmStore(REGION, connect_timeout=0.2, read_timeout=9.8)
    with pytest.raises(Unreachable):
        store.put(PATH, SecretValue("x"), overwrite=True)
    assert len(attempts) == 1


def test_other_calls_continue(faulty: Faulty) -> None:
    store = SsmStore(REGION, read_timeout=LONGEST)
    faulty.next(Fault.SILENCE, on="PutParameter")
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(store.put, PATH, SecretValue("x"), overwrite=True)
        until(lambda: faulty.operations() == ["PutParameter"])
        store.ping()
        assert not hanging.done()
        faulty.heal()
