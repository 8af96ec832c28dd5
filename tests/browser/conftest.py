"""Fixtures of the browser tests."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.chromium import TIMEOUT
from tests.fixtures.people import World

expect.set_options(timeout=TIMEOUT)


@pytest.fixture
def alice(world: World, open_page: Callable[..., Page]) -> Page:
    """Return a page signed in as the owner."""
    return open_page(user=world.person("alice"))
