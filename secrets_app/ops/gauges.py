"""Prometheus gauges that need the database. Measured on request and cached for 15 seconds."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from console.models import AuditEvent, AuditOutcome
from secrets_app.models import ANSWERED, LeaseStage, Secret
from secrets_app.writes import leases

CACHE_SECONDS = 15  # seconds
OPEN_AFTER = timedelta(minutes=1)  # longer than any request takes
LOOK_BACK = timedelta(days=1)
HELP_TEXTS = {
    "console_unknown_secrets": "Secrets whose last write has an unknown outcome.",
    "console_open_attempts": "Audit events of the last day that had no outcome after a minute.",
}


def measured() -> Iterator[tuple[str, str, float]]:
    """Yield (name, help text, value). Without a database, only console_database_up."""
    try:
        # Cached across processes, since every replica is scraped.
        counts = cache.get_or_set("metrics.counts", _counts, timeout=CACHE_SECONDS) or {}
    except DatabaseError:
        counts = {}
    yield "console_database_up", "Whether the database answers.", bool(counts)
    for name, number in counts.items():
        yield name, HELP_TEXTS[name], number


def _counts() -> dict[str, int]:
    return {
        "console_unknown_secrets": unknown_secrets(),
        "console_open_attempts": open_attempts(),
    }


def unknown_secrets() -> int:
    """Return the number of secrets whose last write has an unknown outcome."""
    is_open = leases.is_expired(timezone.now()) | Q(claim_stage=LeaseStage.LOST)
    leased = Secret.objects.filter(is_open, claim__isnull=False)
    return leased.exclude(claim_stage__in=ANSWERED).count()


def open_attempts() -> int:
    """Return the number of audit events of the last day that still have no outcome."""
    now = timezone.now()
    outcomes = AuditOutcome.objects.filter(event_id=OuterRef("pk"))
    # Those that are dated ahead were recorded before the clock was set back.
    recent = Q(at__gt=now - LOOK_BACK, at__lt=now - OPEN_AFTER) | Q(at__gt=now + OPEN_AFTER)
    events = AuditEvent.objects.filter(recent)
    return events.filter(~Exists(outcomes)).count()
