"""Conclude attempts that got no outcome because a process or the database was stopped.

Reconciling with the store settles what the store knows. Here we conclude what follows from the
order of our own steps, and record for the rest that the outcome is unknown. The server does the
first by itself (`settle_worker`), and `manage.py settle` does both.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from console.audit.events import SEE_SAVE, Outcome, conclude_all
from console.models import AuditEvent, AuditOutcome

MIN_AGE = timedelta(hours=1)  # no request or command takes this long to save its outcome
BATCH = 500

# What an attempt without an outcome did, by the prefix of its action
CERTAIN = {
    **dict.fromkeys(
        ("variable.", "warning."),
        "Nothing was changed: the change and its outcome are saved together.",
    ),
    **dict.fromkeys(
        ("secret.reveal", "hosting_secret.reveal", "hosting_config.reveal"),
        "No value was revealed: the outcome is saved first.",
    ),
    "secret.compare": "No comparison was shown: the outcome is saved first.",
    "parameter.read": "No value was written from it: the outcome is saved first.",
    "secret.restore_version": SEE_SAVE,
    "bin.restore": SEE_SAVE,
    "bin.delete": "Branchkeep finishes the deletion in the background.",
    "bin.purge": "Branchkeep finishes the deletion in the background.",
    "changes.undo": "The changes in the same change set say how each ended.",
    "keys.rotate": (
        "What was already re-encrypted stays that way. Run rotate_keys again to continue."
    ),
    "environment.run": "The command was not started: the outcome is saved first.",
}
REQUEST_AGE = timedelta(minutes=10)  # no request takes this long to save its outcome
# What a request, or a command before it starts its work, saves within REQUEST_AGE
IN_A_REQUEST = (
    *("variable.", "warning.", "secret.reveal", "secret.compare", "secret.restore_version"),
    *("bin.restore", "bin.delete", "changes.undo", "environment.run", "parameter.read"),
    *("hosting_secret.reveal", "hosting_config.reveal"),
)
UNCERTAIN = "Branchkeep stopped before it recorded the outcome. Check whether it was done."


def settle_open(*, excluding: QuerySet[AuditEvent]) -> int:
    """Save the outcomes of attempts that have had none for an hour; return their number.

    `excluding` are attempts that something else will settle. Some attempts are settled; the outcome
    of the others is recorded as unknown.
    """
    number = 0
    while found := _conclude_batch(_open(excluding)):
        number += found
    return number


def settle_requests(after: int = 0) -> int:
    """Save the outcomes of requests that were cut off, such as reveals.

    Looks at audit events with an id above `after`. Returns the id to continue after next time.
    """
    older = AuditEvent.objects.filter(at__lt=timezone.now() - REQUEST_AGE)
    last = older.order_by("-pk").values_list("pk", flat=True).first() or after
    actions = Q()
    for prefix in IN_A_REQUEST:
        actions |= Q(action__startswith=prefix)
    without_outcome = ~Exists(AuditOutcome.objects.filter(event_id=OuterRef("pk")))
    found = AuditEvent.objects.filter(actions, without_outcome, pk__gt=after, pk__lte=last)
    while _conclude_batch(found.order_by("pk")):
        pass
    return last


def _open(excluding: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    ended = AuditOutcome.objects.filter(event_id=OuterRef("pk"))
    now = timezone.now()
    over = Q(at__lt=now - MIN_AGE) | Q(at__gt=now + MIN_AGE)  # the clock was set back since
    old = AuditEvent.objects.filter(over, ~Exists(ended))
    return old.exclude(pk__in=excluding.values("pk")).order_by("pk")


@transaction.atomic
def _conclude_batch(found: QuerySet[AuditEvent]) -> int:
    ids = list(found.values_list("pk", flat=True)[:BATCH])
    list(AuditEvent.objects.select_for_update().filter(pk__in=ids).order_by("pk").values("pk"))
    # Ask again: another process may have settled some while this one waited for the lock.
    events = list(found.filter(pk__in=ids))
    conclude_all((event.pk, *_conclusion(event.action)) for event in events)
    return len(events)


def _conclusion(action: str) -> tuple[Outcome, None, str]:
    """Return the outcome, no version, and the reason."""
    conclusion = next((words for start, words in CERTAIN.items() if action.startswith(start)), "")
    return (Outcome.SETTLED, None, conclusion) if conclusion else (Outcome.UNKNOWN, None, UNCERTAIN)
