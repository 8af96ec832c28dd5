"""Measure and compare functions, alternating so that other load affects all of them alike."""

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
    """A function to measure. `against` is the index of the subject that it is compared with."""

    name: str
    act: Callable[[], bytes | None]
    against: int = 0


@dataclass(frozen=True)
class Cost:
    """The cost of one call."""

    queries: int
    calls: int  # to the parameter store or Amplify
    size: int  # bytes of the response
    peak: int  # bytes of memory at most


def cost(act: Callable[[], bytes | None]) -> Cost:
    """Call `act` twice, and return the cost of the second call."""
    act()
    tracemalloc.start()
    try:
        with CaptureQueriesContext(connection) as queries, capture_logs() as log:
            answer = act()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    calls = sum(entry["event"] in {"store.call", "amplify.call"} for entry in log)
    return Cost(len(queries), calls, len(answer or b""), peak)


def times(subjects: Sequence[Subject], clock: Clock, rounds: int, block: int) -> list[list[float]]:
    """Return each subject's median seconds per round; a round calls each `block` times in a row.

    Calls in a row find warm caches, as the requests of a busy server do.
    """
    seconds: list[list[float]] = [[] for _ in subjects]
    for _ in range(rounds):
        for subject, own in zip(subjects, seconds, strict=True):
            own.append(statistics.median(_timed(subject.act, clock) for _ in range(block)))
    return seconds


def _timed(act: Callable[[], object], clock: Clock) -> float:
    started = clock()
    act()
    return clock() - started


def table(title: str, subjects: Sequence[Subject], clock: Clock, rounds: int, block: int) -> None:
    """Measure, and print a line per subject."""
    costs = [cost(subject.act) for subject in subjects]
    seconds = times(subjects, clock, rounds, block)
    print(f"\n{title:40}{'ms':>8}{'ratio':>8}{'queries':>9}{'calls':>7}{'KB':>7}{'peak MB':>9}")
    for subject, price, own in zip(subjects, costs, seconds, strict=True):
        pairs = zip(own, seconds[subject.against], strict=True)
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        print(
            f"{subject.name:40}{statistics.median(own) * 1000:8.2f}{ratio:8.2f}"
            f"{price.queries:9}{price.calls:7}{price.size / 1000:7.1f}{price.peak / 1e6:9.1f}"
        )


on_the_cpu = partial(table, clock=time.process_time, rounds=15, block=12)
on_the_wall = partial(table, clock=time.perf_counter, rounds=3, block=1)
