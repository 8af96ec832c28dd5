"""Fixtures: the console on an SSM that fails on demand."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from tempfile import TemporaryDirectory

import pytest

from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore
from secrets_app.store.ssm.client import SsmStore
from tests.faults.faults import SSM_OPERATIONS
from tests.fixtures.faulty import HASTY, Fault, Faulty, Way
from tests.fixtures.moto import REGION, Moto
from tests.fixtures.stores import InterruptedStore, use_store


class HastyStore(InterruptedStore):
    """A store with a short time-out for the SSM operation `silent`, so that tests don't wait."""

    silent = ""

    def __init__(self, store: ParameterStore) -> None:
        super().__init__(store)
        self._patient, self._hasty = store, SsmStore(REGION, read_timeout=HASTY)

    def _reach(self, when: str, operation: str) -> None:
        super()._reach(when, operation)
        if when == "before":
            is_silent = SSM_OPERATIONS[operation] == self.silent
            self._store = self._hasty if is_silent else self._patient


@pytest.fixture
def folder_of_process() -> Iterator[str]:
    """Return a TESTS_FOLDER for a process with a database of its own, in memory if ours is.

    Each kill and each save commits, which would wait for the disk more than a thousand times.
    """
    with TemporaryDirectory(dir=os.environ["TESTS_FOLDER"]) as folder:
        yield folder


@pytest.fixture
def faulty_ssm(console_on_ssm: Moto, faulty: Faulty) -> Faulty:
    """Run the console on moto, behind the proxy with faults."""
    return faulty


@pytest.fixture
def failing(
    faulty_ssm: Faulty, no_backoff: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractContextManager[None]]:
    """Return a context manager in which an SSM operation fails.

    `failing(fault, "PutParameter")` fails from the start, `failing(…, after="put")` once the
    console's next put is done. The console waits `HASTY` seconds for a response that never comes.
    """

    @contextmanager
    def failing(fault: Fault, operation: str, *, after: str = "") -> Iterator[None]:
        store = HastyStore(parameter_store())

        def begin() -> None:
            faulty_ssm.always(fault, on=operation)
            if fault.way is Way.SILENCE:
                store.silent = operation

        if after:
            store.after(after, begin)
        else:
            begin()
        with monkeypatch.context() as patch:
            use_store(store, patch)
            yield
        faulty_ssm.heal()

    return failing
