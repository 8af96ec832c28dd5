"""Read from the audit trail what happened to the values of keys.

A team that runs `run --secrets` reveals the same value thousands of times, so repeated reveals are
left out while they are read, and no model instances are built.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from console.access.branches import JOINED_BY
from console.audit.events import Action, Outcome
from console.lib.naming.names import PathProfile
from console.models import AuditEvent, Branch

# With many patterns, repeated checks would reveal the value, so a check counts
REVEALS = (Action.SECRET_REVEALED, Action.SECRET_COMPARED, Action.SECRET_CHECKED)
WRITES = (Action.SECRET_CREATED, Action.SECRET_CHANGED)
# A secret that was moved from a variable has the value that one of these wrote
VARIABLE_WRITES = (Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED, Action.VARIABLE_RENAMED)
# Values of self-managed hosting are never copied, so only the list of known secrets needs these
HOSTING_REVEALS = (Action.HOSTING_SECRET_REVEALED, Action.HOSTING_CONFIG_REVEALED)
HOSTING_WRITES = (Action.HOSTING_SECRET_CREATED, Action.HOSTING_SECRET_CHANGED)
TELLS = (*REVEALS, *WRITES, *VARIABLE_WRITES)  # who did one of these knows the value
REPLACEMENTS = (Action.SECRET_ENCRYPTED, Action.MIRROR_REPAIRED)
FOUND = (Action.FOUND_ADDED, Action.FOUND_CHANGED)
ENDS = (Action.SECRET_REMOVED, Action.FOUND_REMOVED)
_RESTORES = (Action.VERSION_RESTORED, Action.BIN_RESTORED)
# Events of another key that a secret's value may come from
_OF_ANOTHER_KEY = (*VARIABLE_WRITES, Action.PARAMETER_READ)
_ACTIONS = (*REVEALS, *WRITES, *VARIABLE_WRITES, *REPLACEMENTS, *FOUND, *ENDS, *_RESTORES)
_NOT_DONE = {Outcome.DENIED, Outcome.FAILED}
# After this, the branches' secrets are read from other paths. The other two profiles share a path.
# An app whose name imitates this only makes undo and Known secrets more careful.
PATHS_CHANGED = Q(action=Action.APP_CHANGED) & (
    Q(subject__contains=f"path_profile: {PathProfile.DOCUMENTED} to ")
    | Q(subject__contains=f"path_profile: {PathProfile.BOTH} to {PathProfile.DOCUMENTED}")
    | Q(subject__contains=f"path_profile: {PathProfile.BACKEND} to {PathProfile.DOCUMENTED}")
)
LONGEST_READ = timedelta(minutes=10)  # of which no outcome was saved


class Event(NamedTuple):
    """An audit event with its last outcome."""

    pk: int
    action: str
    app_id: str
    branch: str
    subject: str
    actor_id: int | None
    actor: str
    at: datetime
    version_before: int | None
    origin: int | None
    change_set: UUID | None
    outcome: str | None
    version_after: int | None
    ended_at: datetime | None

    @property
    def end(self) -> datetime:
        """Return when it was over at the latest."""
        return self.ended_at or self.at + LONGEST_READ

    @property
    def is_open(self) -> bool:
        """Return True if it isn't known whether it was carried out."""
        return self.outcome in {None, Outcome.UNKNOWN}


_COLUMNS = (
    *("pk", "action", "app_id", "branch", "subject", "actor_id", "actor", "at"),
    *("version_before", "origin", "change_set"),
    *("outcomes__outcome", "outcomes__version_after", "outcomes__at"),
)
Key = tuple[str, str]  # app ID, key


class Trail:
    """The events of one key, oldest first, without those that say nothing new.

    `same_as` maps the id of a reveal that was left out to one that read the same. `branches` are
    the app's branches whose names look as if they were several. `origins` are events of another key
    that one of its values came from: of a variable that was renamed before it became the secret, or
    of a parameter of Amplify Gen 1.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.branches: Collection[str] = ()
        self.same_as: dict[int, int] = {}
        self.origins: dict[int, Event] = {}
        self._reveals: dict[tuple[str, int | None, int | None], int] = {}  # since the last change

    @property
    def by_id(self) -> dict[int, Event]:
        """Return the events and their origins by their ids."""
        events = {event.pk: event for event in self.events}
        left_out = {pk: events[first] for pk, first in self.same_as.items()}
        return self.origins | left_out | events

    def add(self, event: Event) -> None:
        """Add an event, unless it repeats a reveal and nothing happened in between."""
        if event.action not in REVEALS:
            self._reveals.clear()
            self.events.append(event)
            return
        version = event.version_after or event.version_before
        number = self._reveals.setdefault((event.branch, event.actor_id, version), len(self.events))
        if number == len(self.events):
            self.events.append(event)
            return
        first = self.events[number]
        self.same_as[event.pk] = first.pk
        self.events[number] = first._replace(ended_at=max(first.end, event.end))


def trails(rows: QuerySet[AuditEvent], app_ids: Collection[str]) -> dict[Key, Trail]:
    """Return the events of each key in `rows` that were or may have been carried out.

    Changes of an app's paths are among the events of each of its keys. Takes three queries, and one
    more if a variable was renamed before it became a secret.
    """
    found: defaultdict[Key, Trail] = defaultdict(Trail)
    apps = AuditEvent.objects.filter(PATHS_CHANGED, app_id__in=app_ids)
    changes = [it for it in _with_outcomes(apps) if it.outcome == Outcome.SUCCEEDED]
    waiting: dict[Key, list[Event]] = {}
    for event in _with_outcomes(rows.filter(action__in=_ACTIONS)):
        if event.outcome in _NOT_DONE:
            continue
        key = event.app_id, event.subject
        left = waiting.setdefault(key, [it for it in changes if it.app_id == event.app_id])
        while left and left[0].pk < event.pk:
            found[key].add(left.pop(0))
        found[key].add(event)
    named = _branches_with_joined_names(waiting)
    for key, left in waiting.items():
        found[key].branches = named[key[0]]
        for change in left:
            found[key].add(change)
    _add_origins(found.values())
    return found


def _add_origins(found: Iterable[Trail]) -> None:
    """Add the origins that are events of another key. Takes a query if there are any."""
    missing = {
        pk: trail
        for trail in found
        for pk in {event.origin for event in trail.events if event.origin} - trail.by_id.keys()
    }
    if missing:
        rows = AuditEvent.objects.filter(pk__in=missing, action__in=_OF_ANOTHER_KEY)
        for event in _with_outcomes(rows):
            missing[event.pk].origins[event.pk] = event


def _branches_with_joined_names(keys: Iterable[Key]) -> dict[str, set[str]]:
    """Return, by app ID, the branches whose own names contain what joins several names."""
    named: defaultdict[str, set[str]] = defaultdict(set)
    rows = Branch.objects.filter(app__app_id__in={app for app, _ in keys}, name__contains=JOINED_BY)
    for app_id, name in rows.values_list("app__app_id", "name"):
        named[app_id].add(name)
    return named


def _with_outcomes(rows: QuerySet[AuditEvent]) -> Iterator[Event]:
    """Yield the events with their last outcome, oldest first. One may have been settled later."""
    last: Event | None = None
    for row in rows.order_by("pk", "outcomes__pk").values_list(*_COLUMNS):
        event = Event(*row)
        if last is not None and last.pk != event.pk:
            yield last
        last = event
    if last is not None:
        yield last
