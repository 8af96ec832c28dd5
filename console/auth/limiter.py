"""allauth's rate limiter, for limits of our own.

This is the only module that imports from `allauth…internal`. allauth's public functions apply to
its own actions only, and can't take back an attempt.
"""

from typing import Protocol, cast

from allauth.core.internal import ratelimit
from django.http import HttpRequest


class Usage(Protocol):
    """An attempt that was counted."""

    def rollback(self) -> None:
        """Take the attempt back, so that it no longer counts."""


def consume(
    request: HttpRequest,
    action: str,
    rates: str,
    *,
    key: str | None = None,
    limit_get: bool = False,
) -> Usage | None:
    """Count an attempt, and return None if it is over the limit.

    `rates` is like "5/300s/key,10/m/ip": attempts, time, and what they are counted by (`ip`, `user`
    or `key`). GET requests are only counted with `limit_get`.
    """
    usage = ratelimit.consume(
        request, app="console", action=action, key=key, config={action: rates}, limit_get=limit_get
    )
    return cast("Usage | None", usage)
