"""Fixtures of connected apps."""

import pytest
from django.utils import timezone

from console.models import Connection
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.envvars_app.amplify_sync.steps import read_amplify
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


@pytest.fixture
def remote(world: World) -> MemoryAmplify:
    """Return Amplify in memory, with the world's app connected to it. Nothing was read yet."""
    Connection.objects.create(
        app=world.app, connected_at=timezone.now(), connected_by="olga@example.org"
    )
    return MemoryAmplify(world.app, "main", "dev")


@pytest.fixture
def connected(world: World, amplify: AmplifyServer, console_on_amplify: object) -> AmplifyServer:
    """Return Amplify with the world's app, which is connected, and was read when it was empty."""
    amplify.add_app("d1shop", "Shop")
    amplify.add_branch("d1shop", "main", stage="PRODUCTION")
    amplify.add_branch("d1shop", "dev", stage="DEVELOPMENT")
    Connection.objects.create(app=world.app, connected_at=timezone.now(), connected_by="olga")
    read_amplify(world)
    amplify.forget_requests()
    return amplify
