"""An app and somebody at its variables."""

import pytest

from tests.plugins.people import World
from tests.variables.desk import Desk


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the app's variables, as people reach them."""
    return Desk(world)
