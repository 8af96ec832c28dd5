"""The services' desk, the store behind it, and what it was asked."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Interrupted, Lagging, put_before


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the desk, on the embedded store, or on what `console_on_ssm` set up before."""
    return Desk(world)


@pytest.fixture(params=["embedded", "moto"])
def either_store(request: pytest.FixtureRequest) -> str:
    """Run the test on the embedded store, and again on SSM as moto has it."""
    if request.param == "moto":
        request.getfixturevalue("console_on_ssm")
    return str(request.param)


@pytest.fixture
def interrupted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    """Put a store before the console's own in which things happen at the wrong moment."""
    store = Interrupted(desk.store)
    put_before(store, monkeypatch)
    return store


@pytest.fixture
def lagging(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Lagging:
    """Put a store before the console's own whose listing can lag behind."""
    store = Lagging(desk.store)
    put_before(store, monkeypatch)
    return store


class StoreCalls:
    """The calls that the store logged."""

    def __init__(self, log: Iterable[Any]) -> None:
        self._log = log

    def __call__(self, operation: str = "") -> int:
        """Return how many calls there were, of one operation or of all."""
        return sum(
            entry["event"] == "store.call" and operation in {"", entry["operation"]}
            for entry in self._log
        )


@pytest.fixture
def calls() -> Iterator[Callable[..., int]]:
    """Count the store's calls from here on."""
    with capture_logs() as log:
        yield StoreCalls(log)
