"""Who is signed in where, since when, and for how long yet.

Django's sessions are the truth: what is deleted there is signed out at its next request. Beside
each stands a row of allauth's, which says whose it is, and what it was last seen with.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from console.actors import Actor, address_of
from console.audit import Action, Target, recording
from console.models import User

_SEEN_EVERY = timedelta(minutes=1)  # a request more often than that writes nothing
_NO_ADDRESS = "::"  # a request through a socket file has none, and the table wants one


def begin(request: HttpRequest, user: User) -> None:
    """Note a session that has just begun, or got a new key; forget those that are no more."""
    there = Session.objects.values("session_key")
    UserSession.objects.filter(user=user).exclude(session_key__in=there).delete()
    UserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={"user": user, "created_at": timezone.now(), **_seen(request)},
    )


def overdue(request: HttpRequest, user: User) -> str:
    """Note that the request's session is in use; return why it is over, "" while it is not."""
    row = UserSession.objects.filter(session_key=request.session.session_key, user=user).first()
    if row is None:  # from before these rows were kept
        begin(request, user)
        return ""
    now = timezone.now()
    if now - row.created_at > settings.SESSION_LIFE:
        hours = settings.SESSION_LIFE // timedelta(hours=1)
        return f"A session lasts {hours} hours at most, so you were signed out."
    if now - row.last_seen_at > settings.SESSION_IDLE:
        minutes = settings.SESSION_IDLE // timedelta(minutes=1)
        return f"Nothing happened here for {minutes} minutes, so you were signed out."
    if now - row.last_seen_at > _SEEN_EVERY:
        UserSession.objects.filter(pk=row.pk).update(**_seen(request))
    return ""


def _seen(request: HttpRequest) -> dict[str, object]:
    return {
        "last_seen_at": timezone.now(),
        "ip": address_of(request) or _NO_ADDRESS,
        "user_agent": request.headers.get("user-agent", "")[:200],
    }


def drop(session_key: str | None) -> None:
    """Forget a session that ended by itself."""
    UserSession.objects.filter(session_key=session_key).delete()


def of(user: User) -> QuerySet[UserSession]:
    """Return the sessions in which a user is signed in now, the last seen first."""
    now = timezone.now()
    alive = Session.objects.filter(expire_date__gt=now).values("session_key")
    rows: QuerySet[UserSession] = UserSession.objects.filter(
        user=user,
        session_key__in=alive,
        created_at__gt=now - settings.SESSION_LIFE,
        last_seen_at__gt=now - settings.SESSION_IDLE,
    ).order_by("-last_seen_at", "-pk")
    return rows


def end(*, actor: Actor, user: User, sessions: Iterable[UserSession]) -> int:
    """End sessions of a user, recorded as one entry; return how many there were."""
    ended = list(sessions)
    if ended:
        with recording(actor, Action.SESSION_ENDED, Target(subject=_said(user, ended))):
            delete([session.session_key for session in ended])
    return len(ended)


def end_all(*, actor: Actor, user: User) -> int:
    """End all sessions of a user, as when he is removed; return how many there were."""
    return end(actor=actor, user=user, sessions=of(user))


def _said(user: User, ended: Sequence[UserSession]) -> str:
    return f"{len(ended)} of {user.email}"


def delete(keys: Sequence[str]) -> None:
    """Delete sessions by key."""
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
