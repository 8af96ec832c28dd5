"""Record refused requests: ten a minute one by one, the rest of the minute as one counted event.

The limit holds for each actor and app, so that nobody can hide attempts on one app behind attempts
on another; everyone who is not signed in counts as one actor. The event that stands for the rest is
committed with the eleventh refusal, and its outcome says the number once the minute is over. So
nothing is updated but a counter in the database, which all processes share.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.models import RefusedRequests

LIMIT = 10  # refusals of an actor in an app, per minute
MORE = f"more than {LIMIT} in a minute, all refused"


def record_refusal(actor: Actor, action: Action, target: Target, detail: str = "") -> None:
    """Record that a request was refused, or count it beyond the limit."""
    conclude_counted()
    with transaction.atomic(durable=True):
        minute = _minute_of(timezone.now())
        name = f"user {actor.user_id}" if actor.user_id else ""
        # Locked until the commit, so that exactly ten of several processes write their own event.
        count, _ = RefusedRequests.objects.select_for_update().get_or_create(
            actor=name, app_id=target.app_id, minute=minute
        )
        count.number += 1
        if count.number <= LIMIT:
            conclude(attempt(actor, action, target).pk, Outcome.DENIED, detail=detail)
        elif count.event_id is None:
            rest = Target(target.app_id, subject=MORE)
            count.event_id = attempt(actor, Action.REQUEST_REFUSED, rest).pk
        count.save()


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
