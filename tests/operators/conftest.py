"""The services' desk, for what operators look at."""

import pytest

from tests.plugins.people import World
from tests.services.desk import Desk


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the desk, on the embedded store, or on what `console_on_ssm` set up before."""
    return Desk(world)
