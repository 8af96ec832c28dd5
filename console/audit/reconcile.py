"""Attempts that never got an outcome: the process was killed, or the database was away.

What the store can tell, the revalidation settles. Here is what follows from the order in which the
console does things, and what nobody can know any more, which is said too.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from console.audit.events import Outcome, conclude_all
from console.models import AuditEvent, AuditOutcome

AFTER = timedelta(hours=1)  # no request and no command writes its outcome that late
BATCH = 500

# What an attempt without an outcome did, by how its action begins
CERTAIN = {
    "variable.": "Nothing was changed: the change and its outcome are saved together.",
    "secret.reveal": "No value was revealed: the outcome is saved first.",
    "keys.rotate": (
        "What was already re-encrypted stays that way. Run rotate_keys again to continue."
    ),
    "environment.run": "The command was not started: the outcome is saved first.",
}
UNCERTAIN = "Branchkeep stopped before it recorded the outcome. Check whether it was done."


def settle_open(*, but: QuerySet[AuditEvent]) -> int:
    """Write how attempts ended that have no outcome for an hour, but those; return how many.

    Some are settled. Of the others it is written that it is unknown.
    """
    number = 0
    while found := _settle_batch(_open(but)):
        number += found
    return number


def _open(but: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    ended = AuditOutcome.objects.filter(event_id=OuterRef("pk"))
    old = AuditEvent.objects.filter(~Exists(ended), at__lt=timezone.now() - AFTER)
    return old.exclude(pk__in=but.values("pk")).order_by("pk")


@transaction.atomic
def _settle_batch(found: QuerySet[AuditEvent]) -> int:
    ids = list(found.values_list("pk", flat=True)[:BATCH])
    list(AuditEvent.objects.select_for_update().filter(pk__in=ids).order_by("pk").values("pk"))
    events = list(found.filter(pk__in=ids))  # those that nobody settled while we waited
    conclude_all((event.pk, *_end_of(event.action)) for event in events)
    return len(events)


def _end_of(action: str) -> tuple[Outcome, None, str]:
    """Return the outcome, no version, and why."""
    said = next((words for start, words in CERTAIN.items() if action.startswith(start)), "")
    return (Outcome.SETTLED, None, said) if said else (Outcome.UNKNOWN, None, UNCERTAIN)
