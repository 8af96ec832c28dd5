"""However SSM hangs, there is an answer within ten seconds (guarantee 43)."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic, sleep

import pytest

from secrets_app.store.base import SecretValue
from secrets_app.store.errors import OutcomeUnknown, Unreachable
from secrets_app.store.ssm.client import SsmStore
from tests.plugins.faulty import Fault, Faulty
from tests.plugins.moto import REGION

PATH = "/amplify/d1/main/foo"


@pytest.fixture
def deaf_port(aws_environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Point botocore at a port where no connection is ever made: its queue is full."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        aws_environment.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{port}")
        yield


@pytest.mark.slow
def test_it_works_with_the_defaults_where_none_answers(faulty: Faulty) -> None:
    faulty.always(Fault.SILENCE)
    start = monotonic()
    with pytest.raises(Unreachable) as failure:
        SsmStore(REGION).ping()
    assert 4.5 < monotonic() - start < 9
    assert failure.value.code == "ReadTimeoutError"
    assert len(faulty.requests) == 1


@pytest.mark.slow
def test_it_works_with_the_defaults_where_none_listens(deaf_port: None) -> None:
    start = monotonic()
    with pytest.raises(Unreachable) as failure:
        SsmStore(REGION).ping()
    assert 1.5 < monotonic() - start < 9
    assert failure.value.code == "ConnectTimeoutError"


def test_a_read_timeout_is_not_retried(faulty: Faulty, hasty_store: SsmStore) -> None:
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable):
        hasty_store.read([PATH])
    with pytest.raises(OutcomeUnknown):
        hasty_store.put(PATH, SecretValue("x"), overwrite=True)
    with pytest.raises(OutcomeUnknown):
        hasty_store.remove([PATH])
    assert faulty.operations() == ["GetParameters", "PutParameter", "DeleteParameters"]


def test_a_write_whose_answer_never_came_may_have_been_done(
    faulty: Faulty, faulty_store: SsmStore, hasty_store: SsmStore
) -> None:
    faulty.next(Fault.SILENCE_AFTER)
    with pytest.raises(OutcomeUnknown):
        hasty_store.put(PATH, SecretValue("x"), overwrite=False)
    # The proxy may still be forwarding it when the client gives up
    wait_until(lambda: PATH in faulty_store.current([PATH]))


def test_silence_after_a_retry_is_the_end(faulty: Faulty, hasty_store: SsmStore) -> None:
    faulty.next(Fault.RESET)
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable):
        hasty_store.ping()
    assert len(faulty.requests) == 2


def test_a_connection_that_is_never_made_is_tried_thrice_and_sends_nothing(
    deaf_port: None,
) -> None:
    store = SsmStore(REGION, connect_timeout=0.2, read_timeout=0.2)
    start = monotonic()
    with pytest.raises(Unreachable):
        store.put(PATH, SecretValue("x"), overwrite=True)
    assert monotonic() - start > 0.6


def test_no_retry_begins_that_could_not_end_in_time(deaf_port: None) -> None:
    store = SsmStore(REGION, connect_timeout=1, read_timeout=9)
    start = monotonic()
    with pytest.raises(Unreachable):
        store.put(PATH, SecretValue("x"), overwrite=True)
    assert monotonic() - start < 2  # and not three seconds


def test_other_calls_go_on_meanwhile(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.always(Fault.SILENCE, on="PutParameter")
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(faulty_store.put, PATH, SecretValue("x"), overwrite=True)
        wait_until(lambda: faulty.operations() == ["PutParameter"])
        faulty_store.ping()
        assert not hanging.done()
        faulty.heal()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds; fail after a while."""
    end = monotonic() + 10
    while not condition():
        assert monotonic() < end
        sleep(0.02)
