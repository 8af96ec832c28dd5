"""An app and somebody at its variables."""

import pytest

from tests.envvars_app.variables.desk import Desk
from tests.fixtures.people import World


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the app's variables, as people reach them."""
    return Desk(world)
