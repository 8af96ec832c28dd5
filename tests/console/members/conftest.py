"""Rate limits that start from zero."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _reset_rate_limits(db: None) -> None:
    """Forget earlier attempts: user ids repeat from test to test."""
    cache.clear()
