"""Who is signed in where, since when, and for how long yet.

What is deleted here is signed out at its next request.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from console.access.actors import Actor, address_of
from console.audit.events import Action, Target, recording
from console.auth.session_backend import SessionStore
from console.models import Session, User

_SEEN_EVERY = timedelta(minutes=1)  # a request more often than that writes nothing


def begin(request: HttpRequest) -> None:
    """Note that somebody has just signed in; forget the sessions that are over."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    _about(request).update(created_at=timezone.now(), **_seen(request))


def overdue(request: HttpRequest) -> str:
    """Note that the request's session is in use; return why it is over, "" while it is not."""
    about, now = _about(request), timezone.now()
    if now - about["created_at"] > settings.SESSION_LIFE:
        hours = settings.SESSION_LIFE // timedelta(hours=1)
        return f"You were signed out because sessions last at most {hours} hours."
    if now - about["last_seen_at"] > settings.SESSION_IDLE:
        minutes = settings.SESSION_IDLE // timedelta(minutes=1)
        return f"You were signed out after {minutes} minutes without activity."
    if now - about["last_seen_at"] > _SEEN_EVERY:
        seen = _seen(request)
        about.update(seen)
        Session.objects.filter(session_key=request.session.session_key).update(**seen)
    return ""


def _about(request: HttpRequest) -> dict[str, Any]:
    return cast(SessionStore, request.session).about


def _seen(request: HttpRequest) -> dict[str, Any]:
    return {
        "last_seen_at": timezone.now(),
        "address": address_of(request)[:45],
        "agent": request.headers.get("user-agent", "")[:200],
    }


def of(user: User) -> QuerySet[Session]:
    """Return the sessions in which a user is signed in now, the last seen first."""
    now = timezone.now()
    return Session.objects.filter(
        user=user,
        expire_date__gt=now,
        created_at__gt=now - settings.SESSION_LIFE,
        last_seen_at__gt=now - settings.SESSION_IDLE,
    ).order_by("-last_seen_at", "number")


def others(request: HttpRequest, user: User) -> QuerySet[Session]:
    """Return those in which a user is signed in now beside the request's own."""
    return of(user).exclude(session_key=request.session.session_key)


def end(*, actor: Actor, user: User, sessions: Iterable[Session]) -> int:
    """End sessions of a user, recorded as one entry; return how many there were."""
    ended = list(sessions)
    if ended:
        with recording(actor, Action.SESSION_ENDED, Target(subject=_said(user, ended))):
            delete([session.session_key for session in ended])
    return len(ended)


def end_all(*, actor: Actor, user: User) -> int:
    """End all sessions of a user, as when he is removed; return how many there were."""
    return end(actor=actor, user=user, sessions=of(user))


def _said(user: User, ended: Sequence[Session]) -> str:
    return f"{len(ended)} of {user.email}"


def delete(keys: Sequence[str]) -> None:
    """Delete sessions by key."""
    Session.objects.filter(session_key__in=keys).delete()
