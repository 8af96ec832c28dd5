"""Record refused requests: ten a minute one by one, the rest of the minute as one counted event.

The limit holds for each actor and app, so that nobody can hide attempts on one app behind attempts
on another; everyone who is not signed in counts as one actor. The event that stands for the rest is
committed with the eleventh refusal, and its outcome says the number once the minute is over. So
nothing is updated but a counter in the database, which all processes share.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from console.access.actors import Actor
from console.audit.events import (
    Action,
    Outcome,
    Target,
    attempt,
    attempt_all,
    conclude,
    conclude_all,
    has_recorded_denial,
)
from console.models import Branch, RefusedRequests

LIMIT = 10  # refusals of an actor in an app, per minute
THROUGH_ANOTHER_APP = "through another app"
MORE = f"more than {LIMIT} in a minute, all refused"


class Refusal(NamedTuple):
    """An act that was refused, of which app and what, and why if it isn't plain."""

    action: Action
    target: Target
    detail: str = ""


def refused_new_row(action: Action, branch_id: int | None, key: str) -> Refusal | None:
    """Return the refusal of a new row with the id of another app's branch; None for no such branch.

    It belongs to the app whose branch it is. Nobody else may know that the branch exists.
    """
    branch = Branch.objects.select_related("app").filter(pk=branch_id or 0).first()
    if branch is None:
        return None
    return Refusal(action, Target(branch.app.app_id, branch.name, key), THROUGH_ANOTHER_APP)


def record_refusal(actor: Actor, action: Action, target: Target, detail: str = "") -> None:
    """Record that an act was refused, or count it beyond the limit."""
    record_refusals(actor, [Refusal(action, target, detail)])


def record_refusals(
    actor: Actor, refused: Iterable[Refusal], *, change_set: uuid.UUID | None = None
) -> None:
    """Record acts that were refused, such as rows of a save; count those beyond the limit."""
    by_app: dict[str, list[Refusal]] = {}
    for refusal in refused:
        by_app.setdefault(refusal.target.app_id, []).append(refusal)
    if not by_app:
        return
    conclude_counted()
    with transaction.atomic(durable=True):
        for app_id, found in sorted(by_app.items()):  # in one order, so that none wait in a circle
            _record_in_app(actor, app_id, found, change_set)
    has_recorded_denial.set(True)


def _record_in_app(
    actor: Actor, app_id: str, found: list[Refusal], change_set: uuid.UUID | None
) -> None:
    name = f"user {actor.user_id}" if actor.user_id else ""
    # Locked until the commit, so that exactly ten of several processes write their own event.
    count, _ = RefusedRequests.objects.select_for_update().get_or_create(
        actor=name, app_id=app_id, minute=_minute_of(timezone.now())
    )
    single = found[: max(LIMIT - count.number, 0)]
    if single:
        attempts = [(refusal.action, refusal.target, None) for refusal in single]
        events = attempt_all(actor, attempts, change_set=change_set)
        conclude_all(
            (event.pk, Outcome.DENIED, None, refusal.detail)
            for event, refusal in zip(events, single, strict=True)
        )
    if len(found) > len(single) and count.event_id is None:
        rest = Target(app_id, subject=MORE)
        count.event_id = attempt(actor, Action.REQUEST_REFUSED, rest).pk
    count.number += len(found)
    count.save()


@contextmanager
def recording_denial(actor: Actor, action: Action, target: Target) -> Iterator[None]:
    """Record the act as refused if the check inside raises PermissionDenied."""
    try:
        yield
    except PermissionDenied:
        record_refusal(actor, action, target)
        raise


def conclude_counted() -> None:
    """Save the numbers of the minutes that are over. All processes may call this at once.

    The server does so every minute (`settle_worker`), and so does the next refused request.
    """
    now = _minute_of(timezone.now())
    if not RefusedRequests.objects.filter(minute__lt=now).exists():
        return
    with transaction.atomic(durable=True):
        over = RefusedRequests.objects.select_for_update().filter(minute__lt=now).order_by("pk")
        for count in list(over):
            if count.event_id is not None:
                detail = f"{count.number - LIMIT} more in the minute from {count.minute:%H:%M} UTC"
                conclude(count.event_id, Outcome.DENIED, detail=detail)
            count.delete()


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
