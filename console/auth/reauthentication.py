"""Remember when the user last authenticated, at sign-in or later (console/access/acts.py asks)."""

import time

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from console.access import acts
from console.access.actors import CONFIRMED_AT as _KEY
from console.access.actors import from_request
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.models import User


def record(request: HttpRequest, at: object = None) -> None:
    """Record an authentication, now or at the time a provider reports (seconds since 1970)."""
    now = time.time()
    # A provider's clock may be ahead.
    request.session[_KEY] = min(at, now) if isinstance(at, int | float) else now


def confirm(request: HttpRequest, method: str) -> None:
    """Record that the signed-in user has authenticated again, here and in the audit trail."""
    record(request)
    with transaction.atomic():
        event = attempt(from_request(request), Action.IDENTITY_CONFIRMED, Target(subject=method))
        conclude(event.pk, Outcome.SUCCEEDED)


def is_due(request: HttpRequest) -> bool:
    """Return True if an act that asks for re-authentication would be refused now."""
    return bool(settings.REAUTHENTICATE) and not is_recent(request)


def is_recent(request: HttpRequest) -> bool:
    """Return True if the user authenticated within REAUTHENTICATE_MINUTES."""
    return acts.is_recent(request.session.get(_KEY, 0))


def is_recent_by(request: HttpRequest, user: User, method: str) -> bool:
    """Return True if the user authenticated recently by a method, in allauth's words."""
    records = get_authentication_records(request, user)
    return any(it["method"] == method and acts.is_recent(it["at"]) for it in records)
