"""A clock that stands still, for tests of what a clock decides: codes, limits, ages, "now".

    def test(clock):
        ...
        clock.shift(61)                              # seconds later

It holds for the whole process, the live server's threads too. It does not hold for
`time.monotonic`, so waits still end, nor for other processes: those see the present time.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.signals import request_started
from django.db import connection

CODE = 30  # seconds that an authenticator app's code counts
STEP = 0.000_01  # seconds


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock where a code begins to count.

    Each request and each statement of the test's own connection moves it on by a trifle, so that
    what happens later is later.
    """
    with time_machine.travel(time.time() // CODE * CODE, tick=False) as traveller:

        def step(**_: Any) -> None:
            traveller.shift(STEP)

        def run(execute: Any, *arguments: Any) -> Any:
            step()
            return execute(*arguments)

        request_started.connect(step)
        with connection.execute_wrapper(run):
            yield traveller
        request_started.disconnect(step)
