"""Fixtures of connected apps."""

import pytest
from django.utils import timezone

from console.models import Connection
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.fixtures.people import World


@pytest.fixture
def remote(world: World) -> MemoryAmplify:
    """Return Amplify in memory, with the world's app connected to it. Nothing was read yet."""
    Connection.objects.create(
        app=world.app, connected_at=timezone.now(), connected_by="olga@example.org"
    )
    return MemoryAmplify(world.app, "main", "dev")
