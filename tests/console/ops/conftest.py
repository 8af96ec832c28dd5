"""The services' desk, for what operators look at."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.fixtures.people import World
from tests.secrets_app.writes.conftest import StoreCalls
from tests.secrets_app.writes.desk import Desk


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the desk, on the embedded store, or on what `console_on_ssm` set up before."""
    return Desk(world)


@pytest.fixture
def calls() -> Iterator[StoreCalls]:
    """Count the store's calls from here on."""
    with capture_logs() as log:
        yield StoreCalls(log)
