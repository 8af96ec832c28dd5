"""No log line contains a value, including botocore at DEBUG (guarantee 3)."""

import base64
import logging

import pytest

from secrets_app.store.base import SecretValue
from secrets_app.store.errors import StoreError
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Fault, Faulty

PATH = "/amplify/d1/main/foo"
CANARY = "canary-93ab\tand more"
NOISY_LOGGERS = ("boto3", "botocore", "urllib3")


@pytest.fixture
def at_debug(hasty_store: SsmStore, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Set every logger to DEBUG after the store is made."""
    caplog.set_level(logging.DEBUG)
    for name in [*logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_it_works(faulty_store: SsmStore, at_debug: pytest.LogCaptureFixture) -> None:
    faulty_store.put(PATH, SecretValue(CANARY), overwrite=False)
    assert faulty_store.read([PATH])[PATH].value == SecretValue(CANARY)
    assert_clean(at_debug)


@pytest.mark.parametrize(
    "fault",
    [Fault.error("ValidationException"), Fault.RESET, Fault.TRUNCATED, Fault.SILENCE],
    ids=lambda fault: fault.way.name,
)
def test_failures(
    faulty: Faulty,
    faulty_store: SsmStore,
    hasty_store: SsmStore,
    at_debug: pytest.LogCaptureFixture,
    fault: Fault,
) -> None:
    faulty.always(fault)
    store = hasty_store if fault is Fault.SILENCE else faulty_store
    with pytest.raises(StoreError):
        store.put(PATH, SecretValue(CANARY), overwrite=False)
    assert_clean(at_debug)


@pytest.mark.parametrize("name", ["botocore", "botocore.endpoint", "botocore.not_yet_imported"])
def test_a_log_level_set_before_the_store_is_made(
    faulty: Faulty, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger=name)
    SsmStore("us-east-1").put(PATH, SecretValue(CANARY), overwrite=False)
    assert_clean(caplog)
    assert logging.getLogger(name).getEffectiveLevel() == logging.INFO


def assert_clean(caplog: pytest.LogCaptureFixture) -> None:
    text = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert "store.call" in text  # otherwise the test proves nothing
    for form in (CANARY, "canary-93ab", base64.b64encode(CANARY.encode()).decode()):
        assert form not in text
    levels = [record.levelno for record in caplog.records if record.name.startswith(NOISY_LOGGERS)]
    assert all(level >= logging.INFO for level in levels)
