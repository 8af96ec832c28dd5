"""Slow tests begin first, in random order like the rest, so that no worker ends with one alone."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is marked `slow` before the rest."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
