"""Remember when the user last authenticated, at sign-in or later."""

import time
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

_KEY = "confirmed_at"
# Changing how one signs in asks for re-authentication even if the setting is 0.
_DEFAULT_WINDOW = timedelta(minutes=15)


def record(request: HttpRequest, at: object = None) -> None:
    """Record an authentication, now or at the time a provider reports (seconds since 1970)."""
    now = time.time()
    # A provider's clock may be ahead.
    request.session[_KEY] = min(at, now) if isinstance(at, int | float) else now


def is_due(request: HttpRequest) -> bool:
    """Return True if a protected value needs re-authentication. Never with the setting at 0."""
    return bool(settings.REAUTHENTICATE) and not is_recent(request)


def is_recent(request: HttpRequest) -> bool:
    """Return True if the user authenticated within REAUTHENTICATE_MINUTES."""
    return is_within_window(request.session.get(_KEY, 0))


def is_within_window(at: float) -> bool:
    """Return True if an authentication at `at` (seconds since 1970) is recent enough."""
    window = settings.REAUTHENTICATE or _DEFAULT_WINDOW
    return bool(time.time() - at < window.total_seconds())
