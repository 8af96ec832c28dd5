"""List the secrets that a person has revealed or written, to rotate after they leave.

Everything is computed from the audit trail, so no second table can disagree with it. Marking a
secret as rotated is an audit event too. It applies to the secret, not to a person: nobody who saw
the old value knows the new one until they reveal or write it. Raises the errors of
console/members/services.py.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.http import Http404

from console.access.actors import OUTSIDE, Actor
from console.access.policy import Access, Permission, find_app, require_operator
from console.audit.events import (
    Action,
    Outcome,
    Target,
    attempt_all,
    conclude_all,
    recording,
)
from console.audit.refusals import recording_denial
from console.db import prepared_statements
from console.members import known_values
from console.members.known_values import KnownCopy
from console.members.services import people_of
from console.members.value_events import HOSTING_REVEALS, HOSTING_WRITES, REVEALS, WRITES
from console.models import AuditEvent, AuditOutcome, User

_VALUE_CHANGES = (  # after these, the secret has another value or none
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED),
    *(Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED),
    *(*HOSTING_WRITES, Action.HOSTING_SECRET_REMOVED, Action.HOSTING_CONFIG_CHANGED),
)
_REVEALED, _WRITTEN = (*REVEALS, *HOSTING_REVEALS), (*WRITES, *HOSTING_WRITES)
Key = tuple[str, str, str]  # app ID, scope, key
_GONE = {Action.SECRET_REMOVED, Action.FOUND_REMOVED, Action.HOSTING_SECRET_REMOVED}
_KEY = ("app_id", "branch", "subject")
_COLUMNS = [
    *("App", "Branch", "Secret", "Last revealed", "Last written", "Removed since"),
    *("Changed since by", "Changed since at", "Rotated by", "Rotated at", "Same value as on"),
]


@dataclass(frozen=True)
class ExposedSecret:
    """A secret whose value a person knows, and what happened to it since.

    They revealed it, wrote it, or know the value from another scope or version.
    """

    app_id: str
    branch: str
    key: str
    last: int  # id of the latest reveal or write, or of what `copy` says
    revealed_at: datetime | None
    written_at: datetime | None
    since: AuditEvent | None  # the latest change by someone else
    rotation: AuditEvent | None
    copy: KnownCopy | None  # how it got a value that they know, if that came later

    @property
    def token(self) -> str:
        """Return its name in a form: as it was shown, because one event can tell several."""
        return json.dumps([self.last, self.app_id, self.branch, self.key])

    @property
    def is_rotated(self) -> bool:
        """Return True if someone marked it as rotated, and nothing made them know it since."""
        return self.rotation is not None

    @property
    def is_outside(self) -> bool:
        """Return True if its latest change was made outside Branchkeep."""
        return self.since is not None and self.since.actor == OUTSIDE.label

    @property
    def is_removed(self) -> bool:
        """Return True if it has been removed since."""
        return self.since is not None and self.since.action in _GONE


@prepared_statements.custom_plans()
def exposed_secrets(person_id: int, app_id: str = "") -> list[ExposedSecret]:
    """Return what a person knows in one app, or in all; unrotated ones first.

    That is what they revealed or wrote, and every copy of it recorded in the audit trail.

    Attempts without an outcome count too, because the value may have reached the person.
    """
    events = AuditEvent.objects.filter(actor_id=person_id)
    rows = list(_with_copies(_exposures(events, app_id), person_id.__eq__, app_id))
    succeeded = _succeeded({row["app_id"] for row in rows})
    since = _latest(succeeded.filter(action__in=_VALUE_CHANGES).exclude(actor_id=person_id))
    rotations = _latest(succeeded.filter(action=Action.SECRET_ROTATED))
    found = [_exposed_secret(row, since, rotations) for row in rows]
    return sorted(found, key=lambda it: (it.is_rotated, it.app_id, it.branch, it.key))


def _with_copies(
    rows: Iterable[dict[str, Any]], is_wanted: Callable[[int], bool], app_id: str
) -> Iterator[dict[str, Any]]:
    """Yield the rows, and those of secrets whose value the wanted people know from another scope.

    Adds the `copy` to each, None if there is none.
    """
    histories = known_values.of_copied_secrets(app_id)
    copies = {
        (person, *names): history.copies_known_to(person)
        for names, history in histories.items()
        for person in filter(is_wanted, history.people())
    }
    for row in rows:
        names = (row["app_id"], row["subject"])
        found = copies.get((row["actor_id"], *names), {})
        scope = histories[names].last_name(row["branch"]) if found else ""
        yield row | {"copy": found.pop(scope, None)}
    for (person, app, key), left in copies.items():
        for branch, copy in left.items():
            yield {
                **{"actor_id": person, "app_id": app, "branch": branch, "subject": key},
                **{"last": 0, "revealed_at": None, "written_at": None, "copy": copy},
            }


def _exposures(events: QuerySet[AuditEvent], app_id: str) -> QuerySet[AuditEvent, dict[str, Any]]:
    """Return one row for each person and secret in these events."""
    events = events.filter(action__in=_REVEALED + _WRITTEN)
    events = events.filter(app_id=app_id) if app_id else events.exclude(app_id="")
    exposures: QuerySet[AuditEvent, dict[str, Any]] = (
        # Attempts without an outcome stay in: the value may have been shown before a crash.
        events.exclude(Exists(_outcomes(Outcome.DENIED, Outcome.FAILED)))
        .order_by()
        .values("actor_id", *_KEY)
        .annotate(
            last=Max("id"),
            revealed_at=Max("at", filter=Q(action__in=_REVEALED)),
            written_at=Max("at", filter=Q(action__in=_WRITTEN)),
        )
    )
    return exposures


def _outcomes(*wanted: Outcome) -> QuerySet[AuditOutcome]:
    return AuditOutcome.objects.filter(event_id=OuterRef("pk"), outcome__in=wanted)


def _succeeded(app_ids: Collection[str]) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(Exists(_outcomes(Outcome.SUCCEEDED)), app_id__in=app_ids)


def _latest(events: QuerySet[AuditEvent]) -> dict[Key, AuditEvent]:
    """Return the latest of the events for each secret."""
    ids = events.order_by().values(*_KEY).annotate(last=Max("id")).values("last")
    found = AuditEvent.objects.filter(pk__in=ids)
    return {(event.app_id, event.branch, event.subject): event for event in found}


def _exposed_secret(
    row: Mapping[str, Any],
    since: Mapping[Key, AuditEvent],
    rotations: Mapping[Key, AuditEvent],
) -> ExposedSecret:
    key = (row["app_id"], row["branch"], row["subject"])
    copy, last = row["copy"], row["last"]
    if copy and copy.last > last:
        last = copy.last
    else:
        copy = None
    change, rotation = (
        it if it and it.pk > last else None for it in (since.get(key), rotations.get(key))
    )
    times = row["revealed_at"], row["written_at"]
    return ExposedSecret(*key, last, *times, change, rotation, copy)


def find_person(access: Access, person_id: int) -> User:
    """Return a person who is a member of the app or has seen one of its secrets.

    Raises Http404 for anyone else, so that no owner can enumerate the deployment's users by id.
    """
    person = User.objects.filter(pk=person_id).first()
    if person is None or (
        person not in people_of(access.app) and not _has_exposures(person, access.app.app_id)
    ):
        raise Http404("User not found.")
    return person


def _has_exposures(person: User, app_id: str) -> bool:
    events = AuditEvent.objects.filter(actor_id=person.pk)
    return any(_with_copies(_exposures(events, app_id), person.pk.__eq__, app_id))


def mark_rotated(*, actor: Actor, person: User, entries: Iterable[str], app_id: str = "") -> int:
    """Record that exposed secrets were rotated; return how many.

    `entries` are the tokens of the secrets. Owners do this in their app, operators in all apps.
    """
    access = find_app(actor, app_id) if app_id else None
    chosen = {*entries}
    exposures = [
        it for it in exposed_secrets(person.pk, app_id) if it.token in chosen and not it.is_rotated
    ]
    _require(actor, Action.SECRET_ROTATED, access)
    targets = (
        (Action.SECRET_ROTATED, Target(it.app_id, it.branch, it.key), None) for it in exposures
    )
    detail = f"known to {person.email}"
    with transaction.atomic(durable=True):  # no act follows: the events are the act
        events = attempt_all(actor, targets, change_set=uuid.uuid4())
        conclude_all((event.pk, Outcome.SUCCEEDED, None, detail) for event in events)
    return len(events)


def export(*, actor: Actor, person: User, app_id: str = "") -> list[list[str]]:
    """Return a person's exposed secrets as rows of a table, with a header.

    Recorded in the audit trail.
    """
    access = find_app(actor, app_id) if app_id else None
    _require(actor, Action.EXPOSURE_EXPORTED, access)
    with recording(actor, Action.EXPOSURE_EXPORTED, Target(app_id, subject=person.email)):
        return [_COLUMNS, *map(_cells, exposed_secrets(person.pk, app_id))]


def _require(actor: Actor, action: Action, access: Access | None) -> None:
    """Raise PermissionDenied unless the actor owns the app or, without an app, is an operator.

    A denial is recorded.
    """
    with recording_denial(actor, action, Target(access.app.app_id if access else "")):
        access.require(Permission.MANAGE) if access else require_operator(actor)


def _cells(it: ExposedSecret) -> list[str]:
    return [
        *(it.app_id, it.branch, it.key, _time(it.revealed_at), _time(it.written_at)),
        *(
            "yes" if it.is_removed else "",
            *_actor_and_time(it.since),
            *_actor_and_time(it.rotation),
            it.copy.source if it.copy else "",
        ),
    ]


def _actor_and_time(event: AuditEvent | None) -> tuple[str, str]:
    return (event.actor, _time(event.at)) if event else ("", "")


def _time(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


@dataclass(frozen=True)
class FormerMember:
    """A former member, with the number of secrets they have seen and of those not rotated yet."""

    person: User
    total: int
    open: int


def former_members(access: Access) -> list[FormerMember]:
    """Return people who are no longer active members but have seen secrets of the app, by email.

    The number of queries doesn't depend on the number of people.
    """
    app_id = access.app.app_id
    current = {person.pk for person in people_of(access.app) if person.is_active}
    events = AuditEvent.objects.filter(actor_id__isnull=False).exclude(actor_id__in=current)
    rotations = _latest(_succeeded([app_id]).filter(action=Action.SECRET_ROTATED))
    rows = _with_copies(_exposures(events, app_id), lambda person: person not in current, app_id)
    rotated_flags: defaultdict[int, list[bool]] = defaultdict(list)
    for row in rows:
        is_rotated = _exposed_secret(row, {}, rotations).is_rotated
        rotated_flags[row["actor_id"]].append(is_rotated)
    people = User.objects.filter(pk__in=rotated_flags).order_by("email")
    return [
        FormerMember(it, len(rotated_flags[it.pk]), rotated_flags[it.pk].count(False))
        for it in people
    ]
