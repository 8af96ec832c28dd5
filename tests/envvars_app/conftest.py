"""Fixtures for the pages of variables and build settings."""

from collections.abc import Callable

import pytest
from django.test import Client


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return a client signed in as the owner."""
    return client_for("alice")


@pytest.fixture
def mia(client_for: Callable[[str], Client]) -> Client:
    """Return the maintainer."""
    return client_for("mia")


@pytest.fixture
def bob(client_for: Callable[[str], Client]) -> Client:
    """Return a developer, who can write only to unprotected branches."""
    return client_for("bob")
