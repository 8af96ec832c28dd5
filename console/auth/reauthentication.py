"""When somebody last proved who he is: at the sign-in, or when he was asked again."""

import time
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

_KEY = "confirmed_at"
_FOR_FACTORS = timedelta(minutes=15)  # who changes how he signs in is asked, whatever is set


def confirm(request: HttpRequest, at: object = None) -> None:
    """Note that he did so now, or when a provider says that he did (seconds since 1970)."""
    now = time.time()
    request.session[_KEY] = min(at, now) if isinstance(at, int | float) else now


def is_due(request: HttpRequest) -> bool:
    """Say whether it is too long ago for a protected value; never where the setting is 0."""
    return bool(settings.REAUTHENTICATE) and not is_recent(request)


def is_recent(request: HttpRequest) -> bool:
    """Say whether that was within REAUTHENTICATE_MINUTES."""
    return counts(request.session.get(_KEY, 0))


def counts(at: float) -> bool:
    """Say whether a proof at that time (seconds since 1970) is recent."""
    within = settings.REAUTHENTICATE or _FOR_FACTORS
    return bool(time.time() - at < within.total_seconds())
