"""Statistics of calls to the store, per minute and over all processes.

A process counts in memory. After a request that called the store, but at most every
STORE_CALLS_WRITTEN_EVERY, it adds its counts to the table. A process that ends loses its last
counts, which is acceptable for statistics.
"""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Sum
from django.utils import timezone

from console.lib.service_calls import Call
from secrets_app.models import CallMinute

RETENTION = timedelta(days=1)
HOUR = timedelta(hours=1)
# Raw SQL, because bulk_create(update_conflicts=True) can't add to the existing counts.
_UPSERT_SQL = """
INSERT INTO secrets_app_callminute (minute, operation, outcome, calls, throttles)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (minute, operation, outcome) DO UPDATE SET
calls = secrets_app_callminute.calls + excluded.calls,
throttles = secrets_app_callminute.throttles + excluded.throttles
"""

Row = tuple[datetime, str, str]

log = structlog.get_logger()
_local = threading.local()
_lock = threading.Lock()
_pending: dict[Row, list[int]] = {}
_last_flush = [monotonic()]  # a list, so that functions can replace its item


def record(call: Call) -> None:
    """Count a call that ended."""
    minute = timezone.now().replace(second=0, microsecond=0)
    with _lock:
        counts = _pending.setdefault((minute, call.operation, call.outcome), [0, 0])
        counts[0] += 1
        counts[1] += call.throttles
    _local.called = True


def flush_if_due(**_: Any) -> None:
    """Flush if this thread's request called the store and it is time. Receives request_finished."""
    if not getattr(_local, "called", False):
        return
    _local.called = False
    if monotonic() - _last_flush[0] >= settings.STORE_CALLS_WRITTEN_EVERY.total_seconds():
        flush()


def flush() -> None:
    """Add the counts to the table and delete old rows. Only logs a failing database."""
    try:
        if rows := _take_pending():
            _add_rows(rows)
    except DatabaseError as error:
        log.warning("store.calls_not_written", error=type(error).__name__)


def _take_pending() -> list[tuple[Any, ...]]:
    """Return and reset the counts, sorted, because unordered upserts can deadlock."""
    with _lock:
        rows = [(*row, *counts) for row, counts in sorted(_pending.items())]
        _pending.clear()
        _last_flush[0] = monotonic()
    return rows


@transaction.atomic
def _add_rows(rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT_SQL, rows)
    CallMinute.objects.filter(minute__lt=timezone.now() - RETENTION).delete()


def last_hour() -> list[dict[str, Any]]:
    """Return the sums of the last hour, by operation and outcome, as flushed so far."""
    rows = CallMinute.objects.filter(minute__gt=timezone.now() - HOUR)
    counts = rows.values("operation", "outcome").annotate(
        calls=Sum("calls"), throttles=Sum("throttles")
    )
    return [dict(row) for row in counts.order_by("operation", "outcome")]


def last_outcomes() -> dict[tuple[str, str], datetime]:
    """Return when each (operation, outcome) last occurred, within RETENTION.

    Minutes ahead were counted before the clock was set back, so they say nothing about the order.
    """
    past = CallMinute.objects.filter(minute__lte=timezone.now())
    rows = past.values("operation", "outcome").annotate(at=Max("minute"))
    return {(row["operation"], row["outcome"]): row["at"] for row in rows}
