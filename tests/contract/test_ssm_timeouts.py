"""However SSM hangs, there is an answer within ten seconds (promise 43)."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic

import pytest

from secrets_app.store.base import SecretValue
from secrets_app.store.errors import OutcomeUnknown, Unreachable
from secrets_app.store.ssm import SsmStore
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


def test_a_read_timeout_is_not_retried(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable):
        faulty_store.read([PATH])
    with pytest.raises(OutcomeUnknown):
        faulty_store.put(PATH, SecretValue("x"), overwrite=True)
    assert faulty.operations() == ["GetParameters", "PutParameter"]


def test_silence_after_a_retry_is_the_end(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.next(Fault.RESET)
    faulty.always(Fault.SILENCE)
    with pytest.raises(Unreachable):
        faulty_store.ping()
    assert len(faulty.requests) == 2


def test_a_connection_that_is_never_made_is_tried_thrice_and_sends_nothing(
    deaf_port: None,
) -> None:
    store = SsmStore(REGION, connect_timeout=0.2, read_timeout=0.2)
    start = monotonic()
    with pytest.raises(Unreachable):
        store.put(PATH, SecretValue("x"), overwrite=True)
    assert 0.6 < monotonic() - start < 3


def test_no_retry_begins_that_could_not_end_in_time(deaf_port: None) -> None:
    store = SsmStore(REGION, connect_timeout=0.3, read_timeout=9.5)
    start = monotonic()
    with pytest.raises(Unreachable):
        store.put(PATH, SecretValue("x"), overwrite=True)
    assert monotonic() - start < 0.6


def test_other_calls_go_on_meanwhile(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.always(Fault.SILENCE, on="PutParameter")
    with pytest.raises(OutcomeUnknown):
        faulty_store.put(PATH, SecretValue("x"), overwrite=True)
    faulty_store.ping()
