"""The stores under test, and what they logged."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from secrets_app.store.base import ParameterStore
from secrets_app.store.embedded.store import EmbeddedStore


@pytest.fixture
def embedded_store(db: None) -> EmbeddedStore:
    """Return an empty embedded store."""
    return EmbeddedStore(settings.ENCRYPTION_KEYS)


# Marked, for pytest-django makes no database for a fixture that is asked for by name
DATABASE = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture(params=[pytest.param("embedded", marks=DATABASE), "ssm"])
def store(request: pytest.FixtureRequest) -> ParameterStore:
    """Return each kind of store in turn, empty."""
    store: ParameterStore = request.getfixturevalue(f"{request.param}_store")
    return store


class StoreCalls:
    """The `store.call` events of a test."""

    def __init__(self, log: list[Any]) -> None:
        self._log = log

    @property
    def all(self) -> list[dict[str, Any]]:
        """Return the events."""
        return [entry for entry in self._log if entry["event"] == "store.call"]

    @property
    def operations(self) -> list[str]:
        """Return the operations, in order."""
        return [entry["operation"] for entry in self.all]

    def forget(self) -> None:
        """Begin anew."""
        self._log.clear()


@pytest.fixture
def calls() -> Iterator[StoreCalls]:
    """Collect what the store logs."""
    with capture_logs() as log:
        yield StoreCalls(log)
