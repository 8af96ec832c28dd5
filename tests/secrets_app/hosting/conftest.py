"""An app with a self-managed hosting project, on a moto server."""

import pytest

from tests.fixtures.moto import Moto
from tests.fixtures.people import World


@pytest.fixture
def hosted(world: World, console_on_ssm: Moto) -> World:
    """Return the world, whose app has the project web-shop."""
    world.app.hosting_project = "web-shop"
    world.app.save()
    return world
