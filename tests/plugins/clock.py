"""A clock that stands still, for tests of codes that change and of windows in which tries count.

    def test(clock):
        ...
        clock.shift(61)                              # seconds later

It holds for the whole process, the live server's threads too. It does not hold for
`time.monotonic`, so waits still end, nor for other processes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.core.signals import request_started

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)  # far from the end of a code, a day and a month
STEP = 0.001  # seconds


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock; each request moves it on by a millisecond, so that no two come at once."""
    with time_machine.travel(NOON, tick=False) as traveller:

        def step(**_: Any) -> None:
            traveller.shift(STEP)

        request_started.connect(step)
        yield traveller
        request_started.disconnect(step)
