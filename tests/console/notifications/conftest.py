"""The app's four members, and rate limits that start from zero."""

import pytest
from django.core.cache import cache

from tests.fixtures.people import World


@pytest.fixture
def world(world: World) -> World:
    """Return the world with its four members created, who could all be mailed."""
    for name in ("alice", "mia", "bob", "vera"):
        world.person(name)
    return world


@pytest.fixture(autouse=True)
def _reset_rate_limits(db: None) -> None:
    """Forget earlier attempts: user ids repeat from test to test."""
    cache.clear()
