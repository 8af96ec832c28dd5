"""Fixtures for the pages and services of variables."""

from collections.abc import Callable

import pytest
from django.test import Client


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return a client signed in as the owner."""
    return as_("alice")
