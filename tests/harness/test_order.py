"""Each worker starts with its slow tests, and no test is lost."""

from typing import Any

import pytest

from tests.fixtures.speed.order import pytest_collection_modifyitems


class Item:
    """A stand-in for a collected test, whose name starts with "s" if it is slow."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_closest_marker(self, marker: str) -> Any:
        """Return the marker if the test has it."""
        return marker if marker == "slow" and self.name.startswith("s") else None


def order(workers: int, names: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(workers))
    items: list[Any] = [Item(name) for name in names.split()]
    pytest_collection_modifyitems(items)
    return [item.name for item in items]


def test_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "f1 s1 f2  f3 f4 s2  s3 f5"
    assert order(3, names, monkeypatch) == ["s1", "f1", "f2", "s2", "f3", "f4", "s3", "f5"]


@pytest.mark.parametrize("workers", [1, 2, 3, 9])
@pytest.mark.parametrize("names", ["", "s1", "f1 s1 f2 s2 f3"])
def test_no_test_is_lost(monkeypatch: pytest.MonkeyPatch, workers: int, names: str) -> None:
    assert sorted(order(workers, names, monkeypatch)) == sorted(names.split())
