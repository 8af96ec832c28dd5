"""Fixtures for the pages of variables and build settings."""

from collections.abc import Callable

import pytest
from django.test import Client


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return a client signed in as the owner."""
    return client_for("alice")
