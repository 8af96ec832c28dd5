"""What Prometheus is told of the database: measured when it asks, at most every 15 seconds."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from console.models import AuditEvent, AuditOutcome
from secrets_app.models import Secret

FRESH = 15  # seconds
OPEN_AFTER = timedelta(minutes=1)  # no request takes as long
LOOKED_BACK = timedelta(days=1)
WORDS = {
    "console_unknown_secrets": "Secrets whose last write has an unknown outcome.",
    "console_open_attempts": "Audit events of the last day that had no outcome after a minute.",
}


def measured() -> Iterator[tuple[str, str, float]]:
    """Yield (name, what it is, number); of a database that does not answer, only that."""
    try:
        counts = cache.get_or_set("metrics.counts", _counts, timeout=FRESH) or {}
    except DatabaseError:
        counts = {}
    yield "console_database_up", "Whether the database answers.", bool(counts)
    for name, number in counts.items():
        yield name, WORDS[name], number


def _counts() -> dict[str, int]:
    return {
        "console_unknown_secrets": unknown_secrets(),
        "console_open_attempts": open_attempts(),
    }


def unknown_secrets() -> int:
    """Return of how many secrets nobody knows whether the last save was done."""
    return Secret.objects.filter(claim__isnull=False, claimed_until__lte=timezone.now()).count()


def open_attempts() -> int:
    """Return how many attempts of the last day have no outcome, though it is time."""
    now = timezone.now()
    ended = AuditOutcome.objects.filter(event_id=OuterRef("pk"))
    events = AuditEvent.objects.filter(at__gt=now - LOOKED_BACK, at__lt=now - OPEN_AFTER)
    return events.filter(~Exists(ended)).count()
