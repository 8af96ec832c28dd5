"""Prometheus metrics of Branchkeep. Imported only if METRICS_TOKEN is set.

With PROMETHEUS_MULTIPROC_DIR, which console/server/start.py sets, the processes of one server count
together. Each writes files of its own, which keep its counts after it ends. Labels are fixed words:
never a path, key, name or address. docs/operations.md documents each metric.
"""

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from console.lib.service_calls import Call

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
READING = {"GET", "HEAD", "OPTIONS"}
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
BUCKETS = (0.05, 0.25, 1, 5, 10)  # seconds; a slow store call is given up within 10

_registry = CollectorRegistry()
_requests = Histogram(
    "console_request_seconds",
    "Duration of requests, by view, kind of method and status.",
    ["view", "method", "status"],
    buckets=BUCKETS,
    registry=_registry,
)
_in_progress = Gauge(
    "console_requests_in_progress",
    "Requests in progress.",
    multiprocess_mode="livesum",
    registry=_registry,
)
_SERVICES = {"store": "the parameter store", "amplify": "Amplify"}
_calls = {
    service: Histogram(
        f"console_{service}_call_seconds",
        f"Duration of calls to {name}, by operation and outcome.",
        ["operation", "outcome"],
        buckets=BUCKETS,
        registry=_registry,
    )
    for service, name in _SERVICES.items()
}
_throttles = {
    service: Counter(
        f"console_{service}_throttles",
        f"Attempts throttled by {name}, including those that a retry recovered.",
        ["operation"],
        registry=_registry,
    )
    for service, name in _SERVICES.items()
}


def request_began() -> None:
    """Count a request as in progress."""
    _in_progress.inc()


def request_ended(*, view: str, method: str, status: int, seconds: float) -> None:
    """Count a finished request. `view` is the URL pattern's name, or "" if none matched."""
    _in_progress.dec()
    _requests.labels(view or "none", _method_kind(method), str(status)).observe(seconds)


def _method_kind(method: str) -> str:
    """Return a fixed label for a method, because clients can send any word."""
    if method in READING:
        return "read"
    return "write" if method in WRITING else "other"


def service_call_ended(service: str, call: Call) -> None:
    """Count a call to a service: "store" or "amplify"."""
    _calls[service].labels(call.operation, call.outcome).observe(call.seconds)
    if call.throttles:
        _throttles[service].labels(call.operation).inc(call.throttles)


class _GaugeCollector(Collector):
    """Gauges measured for this response."""

    def __init__(self, gauges: Iterable[tuple[str, str, float]]) -> None:
        self._metrics = [
            GaugeMetricFamily(name, help_text, number) for name, help_text, number in gauges
        ]

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def exposition(gauges: Iterable[tuple[str, str, float]]) -> bytes:
    """Return the metrics of this server's processes as text, and gauges (name, help, value)."""
    registry = CollectorRegistry()
    if FOLDER in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    else:
        registry.register(_registry)
    registry.register(_GaugeCollector(gauges))
    return generate_latest(registry)
