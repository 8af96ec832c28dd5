"""Bob, who knows a value, and one more branch."""

import pytest

from console.models import Branch, User
from tests.factories import create_branch
from tests.fixtures.people import World


@pytest.fixture
def bob(world: World) -> User:
    return world.person("bob")


@pytest.fixture
def other(world: World) -> Branch:
    return create_branch(world, "other")
