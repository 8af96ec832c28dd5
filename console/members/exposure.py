"""What somebody knows of an app: the secrets that he revealed or wrote, to be rotated after him.

The audit trail is all there is to it. A tick is an entry of its own, "rotated", about a secret and
not about a person: whoever knew the old value knows nothing now, until he reveals or writes again.
Raises as members.py.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.http import Http404

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app, require_operator
from console.audit.events import (
    Action,
    Outcome,
    Target,
    attempt_all,
    conclude_all,
    recording,
    refuse,
)
from console.db import prepared_statements
from console.members.services import people_of
from console.models import AuditEvent, AuditOutcome, User

_REVEALS = (Action.SECRET_REVEALED,)
_WRITES = (Action.SECRET_CREATED, Action.SECRET_CHANGED)
_MOVES = (  # after which the secret is another one, or none
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED),
    *(Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED),
)
_GONE = {Action.SECRET_REMOVED, Action.FOUND_REMOVED}
_KEY = ("app_id", "branch", "subject")
_HEAD = [
    *("App", "Branch", "Secret", "Last revealed", "Last written", "Removed since"),
    *("Changed since by", "Changed since at", "Rotated by", "Rotated at"),
]
Key = tuple[str, str, str]  # app id, branch, name


@dataclass(frozen=True)
class Known:
    """A secret that somebody knows, and what happened to it since."""

    app_id: str
    branch: str
    key: str
    last: int  # the entry of the last reveal or write
    revealed_at: datetime | None
    written_at: datetime | None
    since: AuditEvent | None  # what somebody else did to it
    tick: AuditEvent | None

    @property
    def rotated(self) -> bool:
        """Say whether somebody ticked it off after the last reveal and write."""
        return self.tick is not None

    @property
    def gone(self) -> bool:
        """Say whether it was removed since."""
        return self.since is not None and self.since.action in _GONE


@prepared_statements.custom_plans()
def known_to(person_id: int, app_id: str = "") -> list[Known]:
    """Return what somebody knows in one app, or in all; what is not rotated yet comes first.

    Whatever may have reached him counts: an attempt without an outcome, too.
    """
    rows = list(_knowing(AuditEvent.objects.filter(actor_id=person_id), app_id))
    done = _done({row["app_id"] for row in rows})
    since = _latest(done.filter(action__in=_MOVES).exclude(actor_id=person_id))
    ticks = _latest(done.filter(action=Action.SECRET_ROTATED))
    found = [_known(row, since, ticks) for row in rows]
    return sorted(found, key=lambda it: (it.rotated, it.app_id, it.branch, it.key))


def _knowing(events: QuerySet[AuditEvent], app_id: str) -> QuerySet[AuditEvent, dict[str, Any]]:
    """Return what came to whom by these events: a row for each person and secret."""
    events = events.filter(action__in=_REVEALS + _WRITES)
    events = events.filter(app_id=app_id) if app_id else events.exclude(app_id="")
    known: QuerySet[AuditEvent, dict[str, Any]] = (
        events.exclude(Exists(_outcomes(Outcome.DENIED, Outcome.FAILED)))
        .order_by()
        .values("actor_id", *_KEY)
        .annotate(
            last=Max("id"),
            revealed_at=Max("at", filter=Q(action__in=_REVEALS)),
            written_at=Max("at", filter=Q(action__in=_WRITES)),
        )
    )
    return known


def _outcomes(*wanted: Outcome) -> QuerySet[AuditOutcome]:
    return AuditOutcome.objects.filter(event_id=OuterRef("pk"), outcome__in=wanted)


def _done(app_ids: Collection[str]) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(Exists(_outcomes(Outcome.SUCCEEDED)), app_id__in=app_ids)


def _latest(events: QuerySet[AuditEvent]) -> dict[Key, AuditEvent]:
    """Return the last of the events about each secret."""
    ids = events.order_by().values(*_KEY).annotate(last=Max("id")).values("last")
    found = AuditEvent.objects.filter(pk__in=ids)
    return {(event.app_id, event.branch, event.subject): event for event in found}


def _known(
    row: Mapping[str, Any], since: Mapping[Key, AuditEvent], ticks: Mapping[Key, AuditEvent]
) -> Known:
    key = (row["app_id"], row["branch"], row["subject"])
    moved, tick = (
        it if it and it.pk > row["last"] else None for it in (since.get(key), ticks.get(key))
    )
    return Known(*key, row["last"], row["revealed_at"], row["written_at"], moved, tick)


def find_person(access: Access, person_id: int) -> User:
    """Return somebody whom an app has to do with: a member, or one who knows a secret of it.

    Raises Http404 for everybody else, so that no owner reads the deployment's people by number.
    """
    person = User.objects.filter(pk=person_id).first()
    if person is None or (
        person not in people_of(access.app) and not _knows_any(person, access.app.app_id)
    ):
        raise Http404("User not found.")
    return person


def _knows_any(person: User, app_id: str) -> bool:
    return _knowing(AuditEvent.objects.filter(actor_id=person.pk), app_id).exists()


def tick_off(*, actor: Actor, person: User, entries: Iterable[int], app_id: str = "") -> int:
    """Record that secrets which a person knows are rotated; return how many.

    `entries` are the `last` of each. Owners do so in their app, operators in all of them.
    """
    access = find_app(actor, app_id) if app_id else None
    chosen = {*entries}
    known = [it for it in known_to(person.pk, app_id) if it.last in chosen and not it.rotated]
    _require(actor, Action.SECRET_ROTATED, access)
    targets = ((Action.SECRET_ROTATED, Target(it.app_id, it.branch, it.key), None) for it in known)
    said = f"known to {person.email}"
    with transaction.atomic(durable=True):  # the entries are the act
        events = attempt_all(actor, targets, change_set=uuid.uuid4())
        conclude_all((event.pk, Outcome.SUCCEEDED, None, said) for event in events)
    return len(events)


def export(*, actor: Actor, person: User, app_id: str = "") -> list[list[str]]:
    """Return what a person knows as the rows of a table, with a head; recorded."""
    access = find_app(actor, app_id) if app_id else None
    _require(actor, Action.EXPOSURE_EXPORTED, access)
    with recording(actor, Action.EXPOSURE_EXPORTED, Target(app_id, subject=person.email)):
        return [_HEAD, *map(_columns, known_to(person.pk, app_id))]


def _require(actor: Actor, action: Action, access: Access | None) -> None:
    """Raise PermissionDenied unless the actor owns the app; without one, unless he operates.

    What is refused is recorded.
    """
    try:
        access.require(Permission.MANAGE) if access else require_operator(actor)
    except PermissionDenied:
        refuse(actor, action, Target(access.app.app_id if access else ""))
        raise


def _columns(it: Known) -> list[str]:
    return [
        *(it.app_id, it.branch, it.key, _time(it.revealed_at), _time(it.written_at)),
        *("yes" if it.gone else "", *_who_and_when(it.since), *_who_and_when(it.tick)),
    ]


def _who_and_when(event: AuditEvent | None) -> tuple[str, str]:
    return (event.actor, _time(event.at)) if event else ("", "")


def _time(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


@dataclass(frozen=True)
class Left:
    """Somebody who left, how many secrets he knows, and how many of them are not rotated."""

    person: User
    total: int
    open: int


def who_left(access: Access) -> list[Left]:
    """Return who is no member any more, or disabled, and knows secrets of the app; by email.

    It takes as many queries for many people as for one.
    """
    app_id = access.app.app_id
    inside = [person.pk for person in people_of(access.app) if person.is_active]
    outside = AuditEvent.objects.filter(actor_id__isnull=False).exclude(actor_id__in=inside)
    ticks = _latest(_done([app_id]).filter(action=Action.SECRET_ROTATED))
    rotated: defaultdict[int, list[bool]] = defaultdict(list)
    for row in _knowing(outside, app_id):
        rotated[row["actor_id"]].append(_known(row, {}, ticks).rotated)
    people = User.objects.filter(pk__in=rotated).order_by("email")
    return [Left(it, len(rotated[it.pk]), rotated[it.pk].count(False)) for it in people]
