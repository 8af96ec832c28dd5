"""Which values of secrets people know.

Computed from the audit trail. People who know a value know every copy of it, whether it was copied
to another branch or restored, and whether they saw it before that or after.
"""

from collections.abc import Collection
from dataclasses import dataclass

from console.access.policy import Access
from console.members.services import people_of
from console.members.value_events import TELLS, VARIABLE_WRITES, Event, Trail, trails
from console.members.value_history import Scope, Value, ValueHistory
from console.models import AuditEvent


@dataclass(frozen=True)
class KnownCopy:
    """A value of a secret that a person knows from somewhere else.

    They know it since the event `last`. `source` is the scope that they know it from, "" for an
    earlier version in the same one. `was_variable` if they wrote it as a variable. `save` wrote the
    value, None if that isn't known.
    """

    last: int
    source: str
    was_variable: bool
    save: Event | None


class KnownValues:
    """Who knows which values of one key, except the people whose ids are `ignored`."""

    def __init__(self, trail: Trail, ignored: Collection[int] = ()) -> None:
        self._history = ValueHistory(trail)
        self._known = [it for it in self._history.known if it[0].actor_id not in ignored]

    def last_name(self, name: str) -> str:
        """Return the last name of a scope: it has another one with a branch that shares it."""
        scope = self._history.scope(name)
        return scope.name if scope else name

    def people(self) -> set[int]:
        """Return the ids of the people who know any value."""
        return {event.actor_id for event, _ in self._known if event.actor_id is not None}

    def people_who_know(
        self, names: Collection[str], version: int, at: int | None = None
    ) -> list[str]:
        """Return who knows a version of the scope that has one of these names, by email.

        `at` is an event, as of which the version is meant. None is now.
        """
        scope = next(filter(None, map(self._history.scope, names)), None)
        return self._knowing([scope.value(version, at)]) if scope else []

    def people_who_know_removed(self, removal: int) -> list[str]:
        """Return who knows what was removed by the event with this id, by email."""
        return self._knowing(self._history.named_by(removal))

    def _knowing(self, values: Collection[Value]) -> list[str]:
        same = set[Value]().union(*map(self._history.values_like, values))
        return sorted({event.actor for event, known in self._known if same & {*known}})

    def copies_known_to(self, person_id: int) -> dict[str, KnownCopy]:
        """Return what a person knows in each scope by an event of another scope or version.

        By the last name of the scope. A value that was gone when they learned it doesn't count.
        """
        found: dict[str, KnownCopy] = {}
        for value, (event, learned) in self._learned_by(person_id).items():
            scope = self._scope(value)
            copy = self._copy(scope, value, event, learned, person_id)
            if copy and (scope.name not in found or copy.last > found[scope.name].last):
                found[scope.name] = copy
        return found

    def _learned_by(self, person_id: int) -> dict[Value, tuple[Event, Value]]:
        """Map each value that a person knows to the first event that told it and what that read."""
        found: dict[Value, tuple[Event, Value]] = {}
        for event, values in self._known:
            for value in values if event.actor_id == person_id else ():
                for same in self._history.values_like(value):
                    found.setdefault(same, (event, value))
        return found

    def _scope(self, value: Value) -> Scope:
        scope = self._history.scope(value.scope)
        if scope is None:
            raise LookupError(value.scope)
        return scope

    def _copy(
        self, scope: Scope, value: Value, event: Event, learned: Value, person_id: int
    ) -> KnownCopy | None:
        save = self._history.saves.get(value)
        made = save.pk if save else 0
        is_theirs = save is not None and save.actor_id == person_id
        was_variable = event.action in VARIABLE_WRITES
        is_direct = value == learned and made <= event.pk and not was_variable
        if is_theirs or is_direct or scope.is_over(value, event.pk):
            return None
        source = "" if learned.scope == value.scope else self._scope(learned).name
        return KnownCopy(max(made, event.pk), source, was_variable and not source, save)


def of_former_members(access: Access, keys: Collection[str]) -> dict[str, KnownValues]:
    """Return, by key, what people know who are no longer active members of the app.

    Takes as many queries for many keys as for one, and none without keys.
    """
    if not keys:
        return {}
    app_id = access.app.app_id
    current = {person.pk for person in people_of(access.app) if person.is_active}
    # Reading thousands of reveals takes long, and most keys have none of somebody who left.
    told = AuditEvent.objects.filter(app_id=app_id, subject__in=keys, action__in=TELLS)
    theirs = told.filter(actor_id__isnull=False).exclude(actor_id__in=current).order_by()
    read = {*theirs.values_list("subject", flat=True).distinct()}
    rows = AuditEvent.objects.filter(app_id=app_id, subject__in=read)
    found = trails(rows, [app_id]) if read else {}
    trail = Trail()
    return {key: KnownValues(found.get((app_id, key), trail), ignored=current) for key in keys}


def of_copied_secrets(app_id: str) -> dict[tuple[str, str], KnownValues]:
    """Return, by app and key, what people know of the keys whose values were ever copied.

    Of one app, or of all for "". Takes four queries, whatever their number.
    """
    copies = AuditEvent.objects.filter(origin__isnull=False).order_by()
    copies = copies.filter(app_id=app_id) if app_id else copies
    keys = {*copies.values_list("app_id", "subject").distinct()}
    if not keys:
        return {}
    apps = {app for app, _ in keys}
    rows = AuditEvent.objects.filter(app_id__in=apps, subject__in={key for _, key in keys})
    found = trails(rows, apps)
    return {key: KnownValues(found[key]) for key in keys}
