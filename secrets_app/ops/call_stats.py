"""How often the store is called, minute by minute, over all processes.

A process notes its calls in memory and adds them to the table every STORE_CALLS_WRITTEN_EVERY, when
a request that called the store is over; other requests write nothing. What a process noted in its
last seconds is lost with it, for this is no accounting.
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

from secrets_app.models import CallMinute
from secrets_app.store.instrumentation import Call

KEPT = timedelta(days=1)
HOUR = timedelta(hours=1)
_ADD = """
INSERT INTO secrets_app_callminute (minute, operation, outcome, calls, throttles)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (minute, operation, outcome) DO UPDATE SET
calls = secrets_app_callminute.calls + excluded.calls,
throttles = secrets_app_callminute.throttles + excluded.throttles
"""

Row = tuple[datetime, str, str]

log = structlog.get_logger()
_here = threading.local()
_lock = threading.Lock()
_noted: dict[Row, list[int]] = {}
_written = [monotonic()]


def note(call: Call) -> None:
    """Note a call that ended."""
    minute = timezone.now().replace(second=0, microsecond=0)
    with _lock:
        counts = _noted.setdefault((minute, call.operation, call.outcome), [0, 0])
        counts[0] += 1
        counts[1] += call.throttles
    _here.called = True


def write_noted(**_: Any) -> None:
    """Write what is noted, if this thread's request called the store and it is time.

    Receives request_finished.
    """
    if not getattr(_here, "called", False):
        return
    _here.called = False
    if monotonic() - _written[0] >= settings.STORE_CALLS_WRITTEN_EVERY.total_seconds():
        write()


def write() -> None:
    """Add what is noted to the table and drop what is old; a database that is away is only said."""
    try:
        if rows := _taken():
            _add(rows)
    except DatabaseError as error:
        log.warning("store.calls_not_written", error=type(error).__name__)


def _taken() -> list[tuple[Any, ...]]:
    """Return the rows to add, in one order for all processes, lest they wait for each other."""
    with _lock:
        rows = [(*row, *counts) for row, counts in sorted(_noted.items())]
        _noted.clear()
        _written[0] = monotonic()
    return rows


@transaction.atomic
def _add(rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, rows)
    CallMinute.objects.filter(minute__lt=timezone.now() - KEPT).delete()


def last_hour() -> list[dict[str, Any]]:
    """Return operation, outcome, calls and throttles of the last hour, as written until now."""
    rows = CallMinute.objects.filter(minute__gt=timezone.now() - HOUR)
    counts = rows.values("operation", "outcome").annotate(
        calls=Sum("calls"), throttles=Sum("throttles")
    )
    return [dict(row) for row in counts.order_by("operation", "outcome")]


def last_seen() -> dict[tuple[str, str], datetime]:
    """Return when each operation last ended with each outcome, within KEPT."""
    rows = CallMinute.objects.values("operation", "outcome").annotate(at=Max("minute"))
    return {(row["operation"], row["outcome"]): row["at"] for row in rows}
