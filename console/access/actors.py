"""Actors: who performs an act."""

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.http import HttpRequest

from console.lib.proxies import client_address
from console.models import User

CONFIRMED_AT = "confirmed_at"  # in the session


@dataclass(frozen=True)
class Actor:
    """A user in the browser, a user of a command, or no user.

    Kind "console" stands for what comes from outside Branchkeep, and "background" for Branchkeep
    itself. `user_id` is None if no Branchkeep user acts. `confirmed_at` is when they last
    authenticated, at sign-in or later (seconds since 1970).
    """

    kind: str
    label: str
    user_id: int | None = None
    is_operator: bool = False
    address: str = ""
    agent: str = ""
    request_id: str = ""
    confirmed_at: float = 0


OUTSIDE = Actor(kind="console", label="Someone outside Branchkeep")
# Finishes what Branchkeep itself left unfinished, and nothing else.
BACKGROUND = Actor(kind="background", label="Branchkeep in the background")


def from_request(request: HttpRequest) -> Actor:
    """Return the signed-in user as an Actor, or an anonymous Actor on public pages."""
    user = getattr(request, "user", None)
    known = user if isinstance(user, User) else None
    return Actor(
        kind="web",
        label=known.email if known else "Someone not signed in",
        user_id=known.pk if known else None,
        is_operator=known is not None and known.is_superuser,
        address=address_of(request),
        # Cut to the length of the audit column.
        agent=request.headers.get("user-agent", "")[:200],
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        confirmed_at=request.session.get(CONFIRMED_AT, 0) if known else 0,
    )


def address_of(request: HttpRequest) -> str:
    """Return the client's address according to TRUSTED_PROXIES."""
    peer = request.META.get("REMOTE_ADDR", "")
    return client_address(peer, request.headers.get("x-forwarded-for", ""), settings.PROXIES)


def from_command_line(user: User) -> Actor:
    """Return an Actor for `user` in a management command."""
    return Actor(kind="command", label=user.email, user_id=user.pk, is_operator=user.is_superuser)
