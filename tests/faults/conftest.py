"""The console on an SSM that fails on demand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from secrets_app.store.base import ParameterStore
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import HASTY, Fault, Faulty, Way
from tests.fixtures.moto import REGION, Moto
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Interrupted, put_before


@pytest.fixture
def desk(console_on_ssm: Moto, faulty: Faulty, world: World) -> Desk:
    """Return the desk; what it asks of SSM meets the faults."""
    return Desk(world)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore not wait before it tries again."""
    delay = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(delay, lambda *_: 0)


OPERATIONS = {
    "list": "DescribeParameters",
    "ping": "DescribeParameters",
    "current": "GetParameters",
    "read": "GetParameters",
    "put": "PutParameter",
    "remove": "DeleteParameters",
}


class Hasty(Interrupted):
    """A store that waits for a shorter time where it asks for the operation that is silent."""

    silent = ""

    def __init__(self, store: ParameterStore) -> None:
        super().__init__(store)
        self._patient, self._hasty = store, SsmStore(REGION, read_timeout=HASTY)

    def _happens(self, when: str, operation: str) -> None:
        super()._happens(when, operation)
        if when == "before":
            is_silent = OPERATIONS[operation] == self.silent
            self._store = self._hasty if is_silent else self._patient


class Trouble:
    """Faults that last for a block."""

    def __init__(self, desk: Desk, faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
        self._desk, self._faulty, self._monkeypatch = desk, faulty, monkeypatch

    @contextmanager
    def __call__(self, fault: Fault, on: str, *, after: str = "") -> Iterator[None]:
        """Let an operation of SSM's fail, from the start or `after` the next call of one of ours.

        The console waits a third of a second for an answer that never comes, five for any other.
        """
        store = Hasty(self._desk.store)

        def begin() -> None:
            self._faulty.always(fault, on=on)
            if fault.way is Way.SILENCE:
                store.silent = on

        if after:
            store.after(after, begin)
        else:
            begin()
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
