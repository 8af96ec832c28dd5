"""Turns: one process at a time reconciles an app, and at most once per MIN_INTERVAL.

A turn expires unless its pass renews it, so a killed pass blocks nobody: the next one starts again.
"""

import threading
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Sign
from django.utils import timezone

from console.lib.clock import latest_end
from console.models import App
from secrets_app.models import Revalidation, Secret

MIN_INTERVAL = timedelta(seconds=15)  # between the starts of two passes
LARGE = 1_000  # parameters to list, with 20 calls or more
LARGE_INTERVAL = timedelta(minutes=2)  # between the end of a large pass and the next one
DURATION = timedelta(minutes=2)  # of a turn; far longer than any call between two renewals
RENEWED_EVERY = 1.0  # seconds

work = threading.Event()  # wakes this process's worker (`sync.worker`)


class TurnLost(Exception):
    """The turn expired before its pass ended, and another process may have taken it."""


class Turn:
    """The right to reconcile an app."""

    def __init__(self, app: App, started_at: datetime) -> None:
        self.app = app
        self._started_at, self._renewed = started_at, monotonic()
        self._listed = 0

    def advance(self, listed: int = 0) -> None:
        """Record progress, at most once per second. Raises TurnLost."""
        self._listed += listed
        if monotonic() - self._renewed >= RENEWED_EVERY:
            self._renewed = monotonic()
            self._update(held_until=timezone.now() + DURATION, listed=self._listed)

    def expect(self) -> int:
        """Record how many parameters a listing will have, mirrors included, and return that."""
        known = Secret.objects.filter(app=self.app).aggregate(
            number=Sum(Sign(F("version")) + Sign(F("mirror_version")), default=0)
        )
        self._update(expected=known["number"])
        return int(known["number"])

    def succeed(self) -> None:
        """End the turn: the projection matches the store."""
        self._end(problem="", agreed_at=timezone.now(), path_profile=self.app.path_profile)

    def fail(self, problem: str) -> None:
        """End the turn without a result."""
        self._end(problem=problem[:200])

    def leave_to_background(self) -> None:
        """End the turn, and ask the background for a pass."""
        self._update(held_until=None, is_waiting=True)
        work.set()

    def _end(self, **updates: Any) -> None:
        self._update(held_until=None, is_waiting=False, **updates)

    def _update(self, **updates: Any) -> None:
        row = Revalidation.objects.filter(app=self.app, started_at=self._started_at)
        if not row.exclude(held_until=None).update(**updates):
            raise TurnLost


def take_if_due(app: App) -> Turn | None:
    """Take the turn, unless the app was reconciled within MIN_INTERVAL, is, or will be."""
    now = timezone.now()
    # A start further ahead than the interval was recorded before the clock was set back.
    is_recent = Q(started_at__range=(now - MIN_INTERVAL, now + MIN_INTERVAL))
    # Otherwise a large app would be listed without a pause, and its calls would throttle saves.
    pause = (now - LARGE_INTERVAL, now + LARGE_INTERVAL)
    is_recent |= Q(expected__gte=LARGE, agreed_at__isnull=False, agreed_at__range=pause)
    return _take(app, now, ~is_recent & Q(is_waiting=False))


def take_waiting(app: App) -> Turn | None:
    """Take the turn that a request left to the background, unless it has begun."""
    return _take(app, timezone.now(), Q(is_waiting=True))


def take(app: App) -> Turn | None:
    """Take the turn, unless another pass is running."""
    return _take(app, timezone.now(), Q())


def _take(app: App, now: datetime, condition: Q) -> Turn | None:
    claim = {"started_at": now, "held_until": now + DURATION, "listed": 0, "expected": 0}
    _, is_first = Revalidation.objects.get_or_create(app=app, defaults=claim)
    # The conditional UPDATE succeeds in only one of all processes.
    free = Revalidation.objects.filter(condition, _is_free(now), app=app)
    return Turn(app, now) if is_first or free.update(**claim) else None


def is_held(last: Revalidation, now: datetime) -> bool:
    """Return True if a pass is running."""
    return last.held_until is not None and now < last.held_until <= latest_end(now, DURATION)


def _is_free(now: datetime) -> Q:
    held = Q(held_until__gt=now, held_until__lte=latest_end(now, DURATION))
    return Q(held_until=None) | ~held


def waiting_apps() -> QuerySet[App]:
    """Return the apps that ask the background for a pass, and have none running."""
    waiting = Revalidation.objects.filter(_is_free(timezone.now()), is_waiting=True)
    return App.objects.filter(pk__in=waiting.values("app_id")).order_by("app_id")
