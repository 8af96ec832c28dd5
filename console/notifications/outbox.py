"""Mail on chosen events: what members choose, and which entries of the trail they are told of.

Nothing calls this module when something happens. It reads the trail from its last seal on
(console/audit/chain.py), so no act can be forgotten: each committed row is sealed, and the seals
have one order for all processes. console/notifications/delivery.py sends what waits.
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

LIFE = timedelta(days=1)  # what could not be sent for so long is not news any more
BATCH = 1_000  # seals that one transaction reads
NO_MAIL = "Notifications need a mail server. Ask an operator to set EMAIL_URL and EMAIL_FROM."

_CHANGES = {
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED, Action.MIRROR_REPAIRED),
    *(Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED),
}
_RIGHTS = ("member.", "group.", "branch.")
# What was denied or failed changed nothing; what is unknown is told, and how it was settled too.
# So everything in a mail is a name that the console took: nobody writes to others by being refused
_TOLD = (Outcome.SUCCEEDED, Outcome.UNKNOWN, Outcome.SETTLED)


def chosen_by(actor: Actor, app: App) -> list[str]:
    """Return the kinds of event that somebody is mailed about."""
    mine = Subscription.objects.filter(app=app, user_id=actor.user_id or 0)
    return list(mine.values_list("kind", flat=True))


def choose(*, actor: Actor, app_id: str, kinds: Collection[str]) -> None:
    """Set the kinds of event of an app that the actor is mailed about; none is off.

    Every member may, himself or by a group. Raises Http404 for an outsider, and ValidationError
    where there is no mail server.
    """
    access = find_app(actor, app_id)
    chosen = [kind for kind in Kind if kind.value in kinds]
    said = "; ".join(kind.label for kind in chosen) or "nothing"
    with audited_transaction(actor, Action.NOTICES_CHOSEN, Target(app_id, subject=said)):
        if not settings.MAIL:
            raise ValidationError(NO_MAIL)
        mine = {"app": access.app, "user_id": actor.user_id or 0}
        Subscription.objects.filter(**mine).exclude(kind__in=chosen).delete()
        Subscription.objects.bulk_create(
            [Subscription(**mine, kind=kind) for kind in chosen], ignore_conflicts=True
        )
        if not chosen:
            Notice.objects.filter(**mine).delete()


def collect(*, now: datetime) -> None:
    """Note who is to be told of what was sealed since the last time; any process may, at once."""
    head = chain.head()
    last = head.id if head else 0
    if NoticesRead.objects.filter(seal__gte=last).exists():  # as mostly: then nothing is locked
        return
    while _read_on(last, now):
        pass


@transaction.atomic
def _read_on(last: int, now: datetime) -> bool:
    """Read the next seals; say whether there are more. Where nobody chose anything, skip them."""
    NoticesRead.objects.get_or_create(pk=1)
    read = NoticesRead.objects.select_for_update().get(pk=1)
    upto = min(read.seal + BATCH, last) if Subscription.objects.exists() else last
    if upto <= read.seal:
        return False
    Notice.objects.bulk_create(_notices(read.seal, upto, now), ignore_conflicts=True)
    read.seal = upto
    read.save()
    return upto < last


def _notices(after: int, upto: int, now: datetime) -> Iterator[Notice]:
    """Yield what to tell of the outcomes with these seals: to whoever chose it, but the actor."""
    chosen: defaultdict[str, list[Subscription]] = defaultdict(list)
    for choice in Subscription.objects.select_related("app"):
        chosen[choice.app.app_id].append(choice)
    guarded = _guarded(chosen)
    for end in _outcomes(after, upto, now).filter(event__app_id__in=chosen):
        kinds = _kinds_of(end.event, guarded)
        for choice in chosen[end.event.app_id]:
            if choice.kind in kinds and choice.user_id != end.event.actor_id:
                yield Notice(
                    app=choice.app, user_id=choice.user_id, outcome=end, at=now, due_at=now
                )


def _outcomes(after: int, upto: int, now: datetime) -> QuerySet[AuditOutcome]:
    sealed = AuditSeal.objects.filter(table="auditoutcome", id__gt=after, id__lte=upto)
    return AuditOutcome.objects.select_related("event").filter(
        pk__in=sealed.values("row_id"), outcome__in=_TOLD, at__gt=now - LIFE
    )


def _guarded(app_ids: Collection[str]) -> set[tuple[str, str]]:
    """Return where protection holds, as access.py has it: (app id, scope's name)."""
    branches = Branch.objects.filter(app__app_id__in=app_ids, protected=True)
    scopes = set(branches.values_list("app__app_id", "name"))
    return scopes | {(app_id, ALL_BRANCHES) for app_id, _ in scopes}


def _kinds_of(event: AuditEvent, guarded: Collection[tuple[str, str]]) -> set[Kind]:
    """Return what an entry is, among what can be chosen."""
    is_guarded = (event.app_id, event.branch) in guarded
    if event.action in _CHANGES:
        return {Kind.GUARDED_CHANGE} if is_guarded else set()
    if event.action == Action.SECRET_REVEALED:
        return {Kind.REVEAL, Kind.GUARDED_REVEAL} if is_guarded else {Kind.REVEAL}
    return {Kind.RIGHTS} if event.action.startswith(_RIGHTS) else set()
