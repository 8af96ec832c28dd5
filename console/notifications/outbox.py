"""Subscribe members to events, and queue the mails they are due.

No service calls this module, so none can forget to. It reads the audit trail from the last chain
link it has read (console/audit/chain.py): every committed row gets a link, and links have the same
order for all processes. console/notifications/delivery.py sends what is queued.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from console.access.actors import Actor
from console.access.policy import find_app
from console.audit import chain
from console.audit.events import Action, Outcome, Target, audited_transaction
from console.lib.names import ALL_BRANCHES
from console.models import App, AuditEvent, AuditOutcome, AuditSeal, Branch
from console.models.notifications import Kind, Notice, NoticesRead, Subscription

MAX_AGE = timedelta(days=1)  # mails that couldn't be sent for this long are dropped
BATCH = 1_000  # links per transaction
NO_MAIL = "Notifications need a mail server. Ask an operator to set EMAIL_URL and EMAIL_FROM."

_CHANGES = {
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED, Action.MIRROR_REPAIRED),
    *(Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED),
}
_ACCESS_PREFIXES = ("member.", "group.", "branch.")
# Denied and failed attempts changed nothing. This also keeps names that Branchkeep rejected out of
# mails: nobody can write to others by being rejected.
_NOTIFIED_OUTCOMES = (Outcome.SUCCEEDED, Outcome.UNKNOWN, Outcome.SETTLED)


def subscribed_kinds(actor: Actor, app: App) -> list[str]:
    """Return the kinds of events that the actor is mailed about."""
    own = Subscription.objects.filter(app=app, user_id=actor.user_id or 0)
    return list(own.values_list("kind", flat=True))


def subscribe(*, actor: Actor, app_id: str, kinds: Collection[str]) -> None:
    """Set the kinds of events of an app that the actor is mailed about; none turns mails off.

    Every member may do this. Raises Http404 for outsiders, and ValidationError without a mail
    server.
    """
    access = find_app(actor, app_id)
    chosen = [kind for kind in Kind if kind.value in kinds]
    labels = "; ".join(kind.label for kind in chosen) or "nothing"
    with audited_transaction(actor, Action.NOTICES_CHOSEN, Target(app_id, subject=labels)):
        if not settings.MAIL:
            raise ValidationError(NO_MAIL)
        own = {"app": access.app, "user_id": actor.user_id or 0}
        Subscription.objects.filter(**own).exclude(kind__in=chosen).delete()
        Subscription.objects.bulk_create(
            [Subscription(**own, kind=kind) for kind in chosen], ignore_conflicts=True
        )
        if not chosen:
            Notice.objects.filter(**own).delete()


def enqueue(*, now: datetime) -> None:
    """Queue mails for new audit rows. All processes may call this at once."""
    head = chain.head()
    last = head.id if head else 0
    if NoticesRead.objects.filter(seal__gte=last).exists():  # the usual case, without a lock
        return
    while _enqueue_batch(last, now):
        pass


@transaction.atomic
def _enqueue_batch(last: int, now: datetime) -> bool:
    """Read the next links; return True if there are more. Without subscriptions, skip all."""
    NoticesRead.objects.get_or_create(pk=1)
    # The lock gives each link to one process.
    read = NoticesRead.objects.select_for_update().get(pk=1)
    last_link = min(read.seal + BATCH, last) if Subscription.objects.exists() else last
    if last_link <= read.seal:
        return False
    Notice.objects.bulk_create(_notices(read.seal, last_link, now), ignore_conflicts=True)
    read.seal = last_link
    read.save()
    return last_link < last


def _notices(after: int, last_link: int, now: datetime) -> Iterator[Notice]:
    """Yield a notice for each outcome and subscriber, except the actor themselves."""
    subscriptions: defaultdict[str, list[Subscription]] = defaultdict(list)
    for subscription in Subscription.objects.select_related("app"):
        subscriptions[subscription.app.app_id].append(subscription)
    protected_scopes = _protected_scopes(subscriptions)
    for outcome in _outcomes(after, last_link, now).filter(event__app_id__in=subscriptions):
        kinds = _kinds_of(outcome.event, protected_scopes)
        for subscription in subscriptions[outcome.event.app_id]:
            if subscription.kind in kinds and subscription.user_id != outcome.event.actor_id:
                yield Notice(
                    app=subscription.app,
                    user_id=subscription.user_id,
                    outcome=outcome,
                    at=now,
                    due_at=now,
                )


def _outcomes(after: int, last_link: int, now: datetime) -> QuerySet[AuditOutcome]:
    links = AuditSeal.objects.filter(table="auditoutcome", id__gt=after, id__lte=last_link)
    return AuditOutcome.objects.select_related("event").filter(
        pk__in=links.values("row_id"), outcome__in=_NOTIFIED_OUTCOMES, at__gt=now - MAX_AGE
    )


def _protected_scopes(app_ids: Collection[str]) -> set[tuple[str, str]]:
    """Return the protected scopes as (app ID, scope name), by the same rule as access.policy."""
    branches = Branch.objects.filter(app__app_id__in=app_ids, protected=True)
    scopes = set(branches.values_list("app__app_id", "name"))
    return scopes | {(app_id, ALL_BRANCHES) for app_id, _ in scopes}


def _kinds_of(event: AuditEvent, protected_scopes: Collection[tuple[str, str]]) -> set[Kind]:
    """Return the kinds of events that an audit event belongs to."""
    is_protected = (event.app_id, event.branch) in protected_scopes
    if event.action in _CHANGES:
        return {Kind.GUARDED_CHANGE} if is_protected else set()
    if event.action == Action.SECRET_REVEALED:
        return {Kind.REVEAL, Kind.GUARDED_REVEAL} if is_protected else {Kind.REVEAL}
    return {Kind.RIGHTS} if event.action.startswith(_ACCESS_PREFIXES) else set()
