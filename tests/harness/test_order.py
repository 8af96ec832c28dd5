"""Each worker starts with slow tests, and no test is lost."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.fixtures.order import pytest_collection_modifyitems


@dataclass
class Item:
    """A stand-in for a collected test."""

    name: int
    path: str
    slow: bool

    def get_closest_marker(self, name: str) -> Any:
        """Return something if it has the marker."""
        return name if self.slow and name == "slow" else None


def items_of(*files: tuple[str, int, bool]) -> list[Any]:
    """Return tests of files, each given as (path, number of tests, whether they are slow)."""
    of_all = [(path, slow) for path, number, slow in files for _ in range(number)]
    return [Item(name, path, slow) for name, (path, slow) in enumerate(of_all)]


def test_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    items = items_of(
        ("a", 40, False), ("b", 2, True), ("c", 6, True), ("d", 9, False), ("e", 3, True)
    )
    pytest_collection_modifyitems(items)
    runs = [items[:20], items[20:40], items[40:]]
    assert [[item.path for item in run if item.slow] for run in runs] == [
        ["b"] * 2,
        ["c"] * 6,
        ["e"] * 3,
    ]
    assert all(run[0].slow for run in runs)
    assert sorted(item.name for item in items) == [*range(60)]


@pytest.mark.parametrize("workers", ["1", "2", "3", "7"])
@pytest.mark.parametrize("slow", [0, 1, 4, 30])
def test_no_test_is_lost(monkeypatch: pytest.MonkeyPatch, workers: str, slow: int) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", workers)
    items = items_of(("a", 5, False), ("b", slow, True), ("c", slow // 2, True))
    names = [item.name for item in items]
    pytest_collection_modifyitems(items)
    assert sorted(item.name for item in items) == names
