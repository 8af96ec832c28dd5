"""The console on an SSM that fails on demand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from secrets_app.store.ssm.client import SsmStore
from tests.plugins.faulty import Fault, Faulty, Way
from tests.plugins.moto import REGION, Moto
from tests.plugins.people import World
from tests.services.desk import Desk
from tests.services.stores import Interrupted, put_before


@pytest.fixture
def desk(console_on_ssm: Moto, faulty: Faulty, world: World) -> Desk:
    """Return the desk; what it asks of SSM meets the faults."""
    return Desk(world)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore not wait before it tries again."""
    delay = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(delay, lambda *_: 0)


class Trouble:
    """Faults that last for a block."""

    def __init__(self, desk: Desk, faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
        self._desk, self._faulty, self._monkeypatch = desk, faulty, monkeypatch

    @contextmanager
    def __call__(self, fault: Fault, on: str, *, after: str = "") -> Iterator[None]:
        """Let an operation of SSM's fail, from the start or `after` the next call of one of ours.

        The console waits a third of a second for an answer in a silence, five elsewhere.
        """
        silent = fault.way is Way.SILENCE
        store = Interrupted(SsmStore(REGION, read_timeout=0.3) if silent else self._desk.store)
        if after:
            store.after(after, lambda: self._faulty.always(fault, on=on))
        else:
            self._faulty.always(fault, on=on)
        with self._monkeypatch.context() as patch:
            put_before(store, patch)
            yield
        self._faulty.heal()


@pytest.fixture
def trouble(
    desk: Desk, faulty: Faulty, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., object]:
    """Return a context manager in which a fault lasts."""
    return Trouble(desk, faulty, monkeypatch)
