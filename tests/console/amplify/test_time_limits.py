"""Every call to Amplify ends within ten seconds, and waits for its turn (guarantee 43).

The tests don't measure time: they count attempts, which have fixed time limits.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from console.amplify.client import Amplify
from console.amplify.errors import OutcomeUnknown, Throttled, Unreachable
from console.aws.limits import (
    CONNECT_TIMEOUT,
    DEADLINE,
    LONGEST_ATTEMPT,
    READ_TIMEOUT,
    patience,
)
from secrets_app.store.errors import Throttled as StoreThrottled
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.waiting import LONGEST, until


@pytest.mark.slow
def test_it_works(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    amplify.always("silent")
    with pytest.raises(Unreachable) as failure:
        amplify_client.ping()
    assert failure.value.code == "ReadTimeoutError"
    assert amplify.operations() == ["ListApps"]
    assert CONNECT_TIMEOUT + READ_TIMEOUT < DEADLINE <= 10


def test_no_retry_after_a_timeout(amplify: AmplifyServer, hasty_client: Amplify) -> None:
    amplify.next("reset")
    amplify.always("silent")
    with pytest.raises(Unreachable):
        hasty_client.ping()
    until(lambda: amplify.count() == 2)


def test_no_retry_if_amplify_asks_for_a_pause(
    amplify: AmplifyServer, amplify_client: Amplify
) -> None:
    """botocore would wait for it, longer than a page may."""
    amplify.always("pause")
    with pytest.raises(Throttled):
        amplify_client.ping()
    assert amplify.count() == 1


@pytest.mark.parametrize(("seconds", "attempts"), [(None, 2), (LONGEST, 2), (LONGEST_ATTEMPT, 1)])
def test_no_retry_that_ends_after_the_caller_s_patience(
    amplify: AmplifyServer,
    amplify_client: Amplify,
    no_backoff: None,
    seconds: float | None,
    attempts: int,
) -> None:
    amplify.next("throttled")
    with suppress(Throttled), patience(seconds):
        amplify_client.ping()
    assert amplify.count() == attempts


def test_a_write_without_a_response(amplify: AmplifyServer, hasty_client: Amplify) -> None:
    amplify.add_app("dshop")
    amplify.always("silent_after")
    with pytest.raises(OutcomeUnknown):
        hasty_client.set_app_variables("dshop", {"KEY": "value"})
    until(lambda: amplify.variables("dshop") == {"KEY": "value"})
    assert amplify.count() == 1


def test_the_store_and_amplify_share_five_slots(amplify: AmplifyServer, faulty: Faulty) -> None:
    """All of AWS can hang at once, and three threads stay free for other pages."""
    patient_client = Amplify(REGION, read_timeout=LONGEST)
    patient_store = SsmStore(REGION, read_timeout=LONGEST)
    amplify.always("silent")
    faulty.always(Fault.SILENCE)
    with ThreadPoolExecutor() as pool:
        hanging = [pool.submit(patient_client.ping) for _ in range(3)]
        hanging += [pool.submit(patient_store.ping) for _ in range(2)]
        until(lambda: amplify.count() + len(faulty.requests) == 5)
        with pytest.raises(Throttled) as failure:
            patient_client.ping()
        assert failure.value.code == "TooManyCallsHere"
        with pytest.raises(StoreThrottled):
            patient_store.ping()
        assert not any(call.done() for call in hanging)
        amplify.heal()
        faulty.heal()
        for call in hanging:
            assert call.exception(timeout=LONGEST) is not None or call.result() is None


def test_no_connection(aws_environment: pytest.MonkeyPatch) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_AMPLIFY", "http://127.0.0.1:9")
    with pytest.raises(Unreachable) as failure:
        Amplify(REGION).set_app_variables("dshop", {"KEY": "value"})  # never sent, so not unknown
    assert failure.value.code == "EndpointConnectionError"
