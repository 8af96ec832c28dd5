"""Fixtures: an app that is connected to Amplify."""

import pytest
from time_machine import Traveller

from console.workflows.connected_apps import importing
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


@pytest.fixture
def connected(clock: Traveller, world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Connect the app of the world, which has main and dev in Amplify, too."""
    amplify = console_on_amplify
    amplify.add_app("d1shop", "Shop", production_branch="main")
    amplify.add_branch("d1shop", "main", stage="PRODUCTION")
    amplify.add_branch("d1shop", "dev", stage="DEVELOPMENT")
    importing.connect(actor=world.actor("olga"), app_id="d1shop")
    amplify.forget_requests()
    return amplify
