"""What Prometheus may read of the console. Imported with METRICS_TOKEN set alone.

With PROMETHEUS_MULTIPROC_DIR, which console/server/start.py makes, the processes of one server
count together, each in files of its own that hold what a process which ended has counted.
Labels are the console's own words: no path, key, name or address is one.
docs/operations.md tells of each metric.
"""

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
READING = {"GET", "HEAD", "OPTIONS"}
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
BUCKETS = (0.05, 0.25, 1, 5, 10)  # seconds; a slow store is given up within 10

_here = CollectorRegistry()
_requests = Histogram(
    "console_request_seconds",
    "Duration of requests, by view, kind of method and status.",
    ["view", "method", "status"],
    buckets=BUCKETS,
    registry=_here,
)
_under_way = Gauge(
    "console_requests_in_progress",
    "Requests in progress.",
    multiprocess_mode="livesum",
    registry=_here,
)
_store_calls = Histogram(
    "console_store_call_seconds",
    "Duration of parameter store calls, by operation and outcome.",
    ["operation", "outcome"],
    buckets=BUCKETS,
    registry=_here,
)
_throttles = Counter(
    "console_store_throttles",
    "Attempts throttled by the parameter store, including those that a retry recovered.",
    ["operation"],
    registry=_here,
)


def request_began() -> None:
    """Count a request as under way."""
    _under_way.inc()


def request_ended(*, view: str, method: str, status: int, seconds: float) -> None:
    """Count a request. `view` is the name of a URL pattern, or "" where none matched."""
    _under_way.dec()
    _requests.labels(view or "none", _kind(method), str(status)).observe(seconds)


def _kind(method: str) -> str:
    """Return a word for a method; browsers may send any."""
    if method in READING:
        return "read"
    return "write" if method in WRITING else "other"


def store_call_ended(*, operation: str, outcome: str, seconds: float, throttles: int) -> None:
    """Count a call to the parameter store."""
    _store_calls.labels(operation, outcome).observe(seconds)
    if throttles:
        _throttles.labels(operation).inc(throttles)


class _Measured(Collector):
    """Gauges that were measured for this answer."""

    def __init__(self, gauges: Iterable[tuple[str, str, float]]) -> None:
        self._metrics = [GaugeMetricFamily(name, said, number) for name, said, number in gauges]

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._metrics


def exposition(gauges: Iterable[tuple[str, str, float]]) -> bytes:
    """Return as text what all processes of this server counted, and gauges: name, words, number."""
    registry = CollectorRegistry()
    if FOLDER in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_here)
    registry.register(_Measured(gauges))
    return generate_latest(registry)
