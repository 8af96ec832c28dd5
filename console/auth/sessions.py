"""List, expire and end sessions. A deleted session is signed out at its next request."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, cast

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from console.access.actors import Actor, address_of
from console.audit.events import Action, Target, recording
from console.auth.session_backend import SessionStore
from console.db.faults import fault_of
from console.lib.clock import is_within
from console.models import Session, User

log = structlog.get_logger()

_TOUCH_INTERVAL = timedelta(minutes=1)  # at most one write per interval, however many requests come


def begin(request: HttpRequest) -> None:
    """Record that a user has just signed in, and delete expired sessions."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    _metadata(request).update(created_at=timezone.now(), **_activity(request))


def touch(request: HttpRequest) -> str:
    """Record activity of the request's session. If it has expired, return the reason, else ""."""
    metadata, now = _metadata(request), timezone.now()
    if not is_within(settings.SESSION_LIFE, now - metadata["created_at"]):
        hours = settings.SESSION_LIFE // timedelta(hours=1)
        return f"You were signed out because sessions last at most {hours} hours."
    if not is_within(settings.SESSION_IDLE, now - metadata["last_seen_at"]):
        minutes = settings.SESSION_IDLE // timedelta(minutes=1)
        return f"You were signed out after {minutes} minutes without activity."
    if not is_within(_TOUCH_INTERVAL, now - metadata["last_seen_at"]):
        activity = _activity(request)
        metadata.update(activity)
        _save_activity(request, activity)
    return ""


def _save_activity(request: HttpRequest, activity: dict[str, Any]) -> None:
    """Save when the session was last seen. On a full disk, the page is worth more than that."""
    try:
        Session.objects.filter(session_key=request.session.session_key).update(**activity)
    except DatabaseError as error:
        if fault_of(error) is None:
            raise
        log.warning("sessions.not_touched", error=type(error).__name__)


def _metadata(request: HttpRequest) -> dict[str, Any]:
    return cast(SessionStore, request.session).metadata


def _activity(request: HttpRequest) -> dict[str, Any]:
    return {
        "last_seen_at": timezone.now(),
        "address": address_of(request)[:45],
        "agent": request.headers.get("user-agent", "")[:200],
    }


def number_of(request: HttpRequest) -> uuid.UUID | None:
    """Return the number of the request's session, by which pages identify it."""
    request.session.get(SESSION_KEY)  # loads the session
    return _metadata(request).get("number")


def active_sessions(user: User) -> QuerySet[Session]:
    """Return the sessions in which a user is signed in, the most recently used first."""
    now = timezone.now()
    return Session.objects.filter(
        user=user,
        expire_date__gt=now,
        created_at__range=(now - settings.SESSION_LIFE, now + settings.SESSION_LIFE),
        last_seen_at__range=(now - settings.SESSION_IDLE, now + settings.SESSION_IDLE),
    ).order_by("-last_seen_at", "number")


def other_sessions(request: HttpRequest, user: User) -> QuerySet[Session]:
    """Return the user's active sessions except the request's own."""
    return active_sessions(user).exclude(session_key=request.session.session_key)


def end(*, actor: Actor, user: User, sessions: Iterable[Session]) -> int:
    """End sessions of a user, recorded as one audit event; return how many there were."""
    ended = list(sessions)
    if ended:
        with recording(actor, Action.SESSION_ENDED, Target(subject=_subject(user, ended))):
            delete(ended)
    return len(ended)


def end_all(*, actor: Actor, user: User) -> int:
    """End all sessions of a user; return how many there were."""
    return end(actor=actor, user=user, sessions=active_sessions(user))


def _subject(user: User, ended: Sequence[Session]) -> str:
    return f"{len(ended)} of {user.email}"


def delete(sessions: Iterable[Session]) -> None:
    """Delete sessions."""
    Session.objects.filter(number__in=[session.number for session in sessions]).delete()
