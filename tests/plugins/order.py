"""Each worker begins with slow tests, so that none ends with a long one while the others wait.

`--dist worksteal` gives each worker an equal run of the list, whose end the others may take over.
Files stay together, for what they share is made once a worker, and all is in random order still.
"""

import os
from itertools import groupby, islice

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the slow tests out by files, and fill each worker's run up with the others."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    runs: list[list[pytest.Item]] = [[] for _ in range(workers)]
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = iter([item for item in items if not item.get_closest_marker("slow")])
    for number, (_, tests) in enumerate(groupby(slow, key=lambda item: item.path)):
        runs[number % workers] += tests
    for number, run in enumerate(runs, start=1):
        size = len(items) * number // workers - len(items) * (number - 1) // workers
        run += islice(rest, max(size - len(run), 0))
    items[:] = [item for run in runs for item in run]
