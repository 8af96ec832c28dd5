"""Subscribe members to events, and queue the mails they are due.

No service calls this module, so none can forget to. It reads the audit trail from the last chain
link it has read (console/audit/chain.py): every committed row gets a link, and links have the same
order for all processes. console/notifications/delivery.py sends what is queued.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from console.access.actors import Actor
from console.access.branches import JOINED_BY
from console.access.policy import find_app
from console.audit import chain
from console.audit.events import Action, Outcome, Target, audited_transaction
from console.lib.naming.names import ALL_BRANCHES
from console.members.services import people_of
from console.models import App, AuditEvent, AuditOutcome, AuditSeal, Branch
from console.models.notifications import ON_BY_DEFAULT, Kind, Notice, NoticesRead, Subscription

MAX_AGE = timedelta(days=1)  # mails that couldn't be sent for this long are dropped
BATCH = 1_000  # links per transaction
NO_MAIL = "Notifications need a mail server. Ask an operator to set EMAIL_URL and EMAIL_FROM."

_CHANGES = {
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED, Action.MIRROR_REPAIRED),
    *(Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED),
    *(Action.HOSTING_SECRET_CREATED, Action.HOSTING_SECRET_CHANGED),
    *(Action.HOSTING_SECRET_REMOVED, Action.HOSTING_SECRET_RESTORED),
}
_REVEALS = {
    *(Action.SECRET_REVEALED, Action.HOSTING_SECRET_REVEALED, Action.HOSTING_CONFIG_REVEALED),
    Action.PARAMETER_READ,
}
_ACCOUNT_PREFIX = "account."
_HOSTING_PREFIX = "hosting_"
_ACCESS_PREFIXES = ("member.", "group.", "branch.", "found.branch_", "app.claim_hosting")
# Denied and failed attempts changed nothing. This also keeps names that Branchkeep rejected out of
# mails: nobody can write to others by being rejected.
_NOTIFIED_OUTCOMES = (Outcome.SUCCEEDED, Outcome.UNKNOWN, Outcome.SETTLED)


def subscribed_kinds(actor: Actor, app: App) -> list[str]:
    """Return the kinds of events that the actor is mailed about."""
    own = Subscription.objects.filter(app=app, user_id=actor.user_id or 0)
    chosen = dict(own.values_list("kind", "wanted"))
    return [kind.value for kind in Kind if chosen.get(kind.value, kind in ON_BY_DEFAULT)]


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
        kept = {*chosen, *ON_BY_DEFAULT}  # a row of the latter can say that it is off
        Subscription.objects.filter(**own).exclude(kind__in=kept).delete()
        Subscription.objects.bulk_create(
            [Subscription(**own, kind=kind, wanted=kind in chosen) for kind in kept],
            update_conflicts=True,
            update_fields=["wanted"],
            unique_fields=["app", "user", "kind"],
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
    """Read the next links; return True if there are more."""
    NoticesRead.objects.get_or_create(pk=1)
    # The lock gives each link to one process.
    read = NoticesRead.objects.select_for_update().get(pk=1)
    last_link = min(read.seal + BATCH, last)
    if last_link <= read.seal:
        return False
    Notice.objects.bulk_create(_notices(read.seal, last_link, now), ignore_conflicts=True)
    read.seal = last_link
    read.save()
    return last_link < last


def _notices(after: int, last_link: int, now: datetime) -> Iterator[Notice]:
    """Yield a notice for each outcome and reader, except the actor themselves."""
    outcomes = list(_outcomes(after, last_link, now).exclude(event__app_id=""))
    apps = {
        it.app_id: it for it in App.objects.filter(app_id__in={o.event.app_id for o in outcomes})
    }
    readers = _readers(apps.values())
    protected_scopes = _protected_scopes(apps)
    protected_scopes |= _protected_stages([it.event for it in outcomes], protected_scopes)
    for outcome in outcomes:
        app = apps.get(outcome.event.app_id)
        kinds = _kinds_of(outcome.event, protected_scopes)
        wanting = {it for kind in kinds for it in readers[app.pk, kind]} if app else set()
        for user_id in sorted(wanting - {outcome.event.actor_id}):
            yield Notice(app=app, user_id=user_id, outcome=outcome, at=now, due_at=now)


def _readers(apps: Collection[App]) -> defaultdict[tuple[int, str], set[int]]:
    """Return the users who want mail, by app and kind. Kinds on by default go to every member."""
    readers: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    for app in apps:
        for kind in ON_BY_DEFAULT:
            readers[app.pk, kind] = {person.pk for person in people_of(app) if person.is_active}
    for row in Subscription.objects.filter(app__in=apps):
        change = set.add if row.wanted else set.discard
        change(readers[row.app_id, row.kind], row.user_id)
    return readers


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


def _protected_stages(
    events: Iterable[AuditEvent], protected_scopes: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return the stages without a branch of their name in apps that protect any (ADR 0069)."""
    stages = {
        (it.app_id, it.branch)
        for it in events
        if it.action.startswith(_HOSTING_PREFIX) and (it.app_id, ALL_BRANCHES) in protected_scopes
    }
    if not stages:
        return set()
    branches = Branch.objects.filter(app__app_id__in={app_id for app_id, _ in stages})
    return stages - set(branches.values_list("app__app_id", "name"))


def _kinds_of(event: AuditEvent, protected_scopes: Collection[tuple[str, str]]) -> set[Kind]:
    """Return the kinds of events that an audit event belongs to."""
    names = {event.branch, *event.branch.split(JOINED_BY)}  # branches that share parameters
    if event.action == Action.PARAMETER_READ:
        names = {ALL_BRANCHES}  # whose permissions it needs
    is_protected = any((event.app_id, name) in protected_scopes for name in names)
    if event.action in _CHANGES:
        return {Kind.GUARDED_CHANGE} if is_protected else set()
    if event.action in _REVEALS:
        return {Kind.REVEAL, Kind.GUARDED_REVEAL} if is_protected else {Kind.REVEAL}
    if event.action.startswith(_ACCOUNT_PREFIX):
        return {Kind.ACCOUNT}
    if event.action == Action.MEMBER_SET_BY_OPERATOR or (
        event.action == Action.GROUP_CHANGED
        and (event.actor_kind == "console" or "added " in event.subject)
    ):
        return {Kind.RIGHTS, Kind.ACCOUNT}
    return {Kind.RIGHTS} if event.action.startswith(_ACCESS_PREFIXES) else set()
