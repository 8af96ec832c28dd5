"""Each call is one line in the log, without a value, including botocore at DEBUG (guarantee 3)."""

import logging
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from console.amplify import errors
from console.amplify.client import Amplify
from console.aws.log_filter import NOISY_LOGGERS
from tests.fixtures.amplify import AmplifyServer

CANARY = "canary-0c77"


@pytest.fixture
def at_debug(amplify_client: Amplify, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Set every logger to DEBUG after the client is made."""
    caplog.set_level(logging.DEBUG)
    for name in [*logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_it_works(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    amplify.add_app("dshop")
    with capture_logs() as log:
        amplify_client.ping()
        amplify_client.set_app_variables("dshop", {CANARY: CANARY})
        with pytest.raises(errors.NotFound):
            amplify_client.branch("dshop", CANARY)
    calls = [entry for entry in log if entry["event"] == "amplify.call"]
    assert [(it["operation"], it["outcome"], it["log_level"]) for it in calls] == [
        ("ping", "ok", "debug"),
        ("set_app_variables", "ok", "info"),
        ("branch", "NotFoundException", "info"),
    ]
    assert {*calls[0]} == {"event", "log_level", "operation", "duration_ms", "outcome"}
    assert CANARY not in str(log)


@pytest.mark.parametrize("fault", ["slow", "error", "lost", "truncated", "garbage"])
def test_failures(
    amplify: AmplifyServer,
    amplify_client: Amplify,
    at_debug: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    amplify.add_app("dshop", variables={"KEY": CANARY})
    amplify.next(fault, code="BadRequestException")
    with suppress(errors.AmplifyError):
        amplify_client.set_app_variables("dshop", {"KEY": CANARY})
    text = at_debug.text + "".join(repr(record.__dict__) for record in at_debug.records)
    assert "amplify.call" in text  # otherwise the test proves nothing
    assert CANARY not in text
    levels = [it.levelno for it in at_debug.records if it.name.startswith(NOISY_LOGGERS)]
    assert all(level >= logging.INFO for level in levels)
