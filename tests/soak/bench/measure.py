"""Measuring: what is compared takes turns, so that whatever else the machine does troubles all."""

import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

Clock = Callable[[], float]


@dataclass(frozen=True)
class Subject:
    """Something to measure. `against` is the number of the line that it is compared with."""

    name: str
    act: Callable[[], bytes | None]
    against: int = 0


@dataclass(frozen=True)
class Cost:
    """What one act takes."""

    queries: int
    calls: int  # to the parameter store
    size: int  # bytes answered
    peak: int  # bytes of memory


def cost(act: Callable[[], bytes | None]) -> Cost:
    """Do it twice, counting the second time."""
    act()
    tracemalloc.start()
    try:
        with CaptureQueriesContext(connection) as queries, capture_logs() as log:
            answer = act()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    calls = sum(entry["event"] == "store.call" for entry in log)
    return Cost(len(queries), calls, len(answer or b""), peak)


def times(subjects: Sequence[Subject], clock: Clock, rounds: int, block: int) -> list[list[float]]:
    """Return the seconds of each subject in each round; a round is `block` acts in a row of each.

    A server under load answers the like of what it has just answered; so does a block.
    """
    taken: list[list[float]] = [[] for _ in subjects]
    for _ in range(rounds):
        for subject, mine in zip(subjects, taken, strict=True):
            mine.append(statistics.median(_timed(subject.act, clock) for _ in range(block)))
    return taken


def _timed(act: Callable[[], object], clock: Clock) -> float:
    started = clock()
    act()
    return clock() - started


def table(title: str, subjects: Sequence[Subject], clock: Clock, rounds: int, block: int) -> None:
    """Measure and print, one line a subject."""
    costs = [cost(subject.act) for subject in subjects]
    taken = times(subjects, clock, rounds, block)
    print(f"\n{title:40}{'ms':>8}{'ratio':>8}{'queries':>9}{'calls':>7}{'KB':>7}{'peak MB':>9}")
    for subject, what, mine in zip(subjects, costs, taken, strict=True):
        pairs = zip(mine, taken[subject.against], strict=True)
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        print(
            f"{subject.name:40}{statistics.median(mine) * 1000:8.2f}{ratio:8.2f}"
            f"{what.queries:9}{what.calls:7}{what.size / 1000:7.1f}{what.peak / 1e6:9.1f}"
        )


on_the_cpu = partial(table, clock=time.process_time, rounds=15, block=12)
on_the_wall = partial(table, clock=time.perf_counter, rounds=3, block=1)
