"""The values that a key had in the scopes of an app, as far as the audit trail tells.

No value is compared. Two versions hold the same value if an event says that one was made from the
other: a copy, a restore, or a replacement (docs/adr/0059).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from console.access.branches import JOINED_BY
from console.audit.events import ONE_TEXT, Action
from console.lib.naming.names import ALL_BRANCHES
from console.members.value_events import (
    ENDS,
    FOUND,
    REPLACEMENTS,
    REVEALS,
    VARIABLE_WRITES,
    WRITES,
    Event,
    Trail,
)

ANY_VERSION = 2**31  # more than any
# Until somebody looks at the app again, a reveal may read what was made outside Branchkeep
NOTICED_WITHIN = timedelta(days=1)


class Value(NamedTuple):
    """A version of a secret. Versions count from 1 again in each generation.

    A generation starts when the secret is added, also after it was removed.
    """

    scope: str
    generation: int
    version: int


@dataclass
class Scope:
    """What happened to the key in one scope. `name` is what the audit trail called it last.

    `version` is the last one that is known.
    """

    name: str
    id: str
    version: int = 0
    starts: list[int] = field(default_factory=list)  # of generations, as ids of events
    ends: list[tuple[int, Value]] = field(default_factory=list)  # what ended all before it
    reads: list[tuple[Event, list[Value]]] = field(default_factory=list)
    adopted: Value | None = None  # what the other path profile holds under a number of its own

    def value(self, version: int, at: int | None = None) -> Value:
        """Return a version as of an event, or as of now. Version 0 is the last one known."""
        generation = len(self.starts) if at is None else bisect_left(self.starts, at)
        return Value(self.id, generation, version or self.version)

    def is_over(self, value: Value, at: int) -> bool:
        """Return True if a value is known to be replaced or removed before an event."""
        return any(event < at and later > value for event, later in self.ends)


class ValueHistory:
    """The values of one key in the scopes of an app, and which of them are the same.

    An event without an outcome counts, because the value may have reached the person or the store.
    """

    def __init__(self, trail: Trail) -> None:
        events = trail.events
        names = {it.branch for it in events if it.action != Action.APP_CHANGED}
        self._scopes = _scopes(names, trail.branches)
        self._same: dict[Value, set[Value]] = {}
        self._named: dict[int, list[Value]] = {}  # by the event that read or removed them
        self.saves: dict[Value, Event] = {}  # the events that wrote them
        self.known: list[tuple[Event, list[Value]]] = []
        for event in events:
            self._add(event)
        self._link(trail.by_id)
        self.known.sort(key=lambda it: it[0].pk)

    def scope(self, name: str) -> Scope | None:
        """Return what happened in a scope, None if nothing did."""
        return self._scopes.get(name)

    def values_like(self, value: Value) -> set[Value]:
        """Return the versions that hold the same value, with this one."""
        return self._same.get(value, {value})

    def named_by(self, event_id: int) -> Collection[Value]:
        """Return the values that an event read or removed."""
        return self._named.get(event_id, ())

    def _add(self, event: Event) -> None:
        if event.action == Action.APP_CHANGED:
            for scope in {it.id: it for it in self._scopes.values()}.values():
                self._change_profile(scope, event)
            return
        scope = self._scopes[event.branch]
        scope.name = event.branch
        if version := _version_made(event):
            self._make(scope, event, version)
        elif event.action in REVEALS:
            self._read(scope, event)
        elif event.action in ENDS:
            removed = scope.value(event.version_before or 0)
            self._named[event.pk] = [removed]
            if not event.is_open and not event.version_after:
                scope.ends.append((event.pk, removed._replace(version=ANY_VERSION)))
        elif event.action == Action.VERSION_RESTORED:
            self._named[event.pk] = [scope.value(event.version_before or 0)]

    def _change_profile(self, scope: Scope, event: Event) -> None:
        """Begin a generation: the other path counts versions of its own.

        A mirror that was written with its secret has the same numbers. In doubt, people are named.
        """
        if scope.id == ALL_BRANCHES or not scope.version:
            return
        scope.adopted = scope.adopted or scope.value(0)
        before = [scope.value(version) for version in range(1, scope.version + 1)]
        scope.starts.append(event.pk)
        for value in before:
            self._merge(value, scope.value(value.version))

    def _adopt(self, scope: Scope, version: int | None) -> None:
        """Take the first version at the other path for the value from before."""
        if scope.adopted and version:
            self._merge(scope.adopted, scope.value(version))

    def _make(self, scope: Scope, event: Event, version: int) -> None:
        before = event.version_before or 0
        self._adopt(scope, before)
        source = scope.value(before)
        if version < before or not before:
            self._start(scope, event)
        value = scope.value(version)
        scope.version, scope.adopted = version, None
        if not event.is_open:
            scope.ends.append((event.pk, value))
        self.saves[value] = event
        if event.action in REPLACEMENTS and source.version:
            self._merge(source, value)
        if event.action in WRITES and event.actor_id is not None:
            self.known.append((event, [value]))

    def _start(self, scope: Scope, event: Event) -> None:
        """Begin a generation. What is being read at that moment may be of either."""
        scope.starts.append(event.pk)
        late = NOTICED_WITHIN if event.action in FOUND else timedelta()
        for read, values in scope.reads:
            if read.end + late >= event.at:
                values.append(values[0]._replace(generation=len(scope.starts)))

    def _read(self, scope: Scope, event: Event) -> None:
        version = event.version_after or event.version_before or 0
        self._adopt(scope, version)
        values = [scope.value(version)]
        scope.version = max(scope.version, version)
        scope.reads.append((event, values))
        self._named[event.pk] = values
        if event.actor_id is not None:
            self.known.append((event, values))

    def _link(self, events: Mapping[int, Event]) -> None:
        """Join what saves wrote with what they were copied from."""
        imported: dict[object, Value] = {}  # by change set, or parameter and version
        for value, save in self.saves.items():
            if save.origin == ONE_TEXT:
                self._merge(imported.setdefault(save.change_set, value), value)
            source = events.get(save.origin or 0)
            if source is not None and source.action == Action.BIN_RESTORED:
                source = events.get(source.origin or 0)
            if source is None:
                continue
            if source.action == Action.PARAMETER_READ:
                read = source.subject, source.version_after
                self._merge(imported.setdefault(read, value), value)
            if source.action in VARIABLE_WRITES and source.actor_id is not None:
                self.known.append((source, [value]))
            for named in self.named_by(source.pk):
                self._merge(named, value)

    def _merge(self, one: Value, other: Value) -> None:
        merged = self.values_like(one) | self.values_like(other)
        self._same |= dict.fromkeys(merged, merged)


def _scopes(names: Collection[str], branches: Collection[str]) -> dict[str, Scope]:
    """Return the scope of each name. Branches that share their parameters are one.

    `branches` are names of one branch, whatever they contain.
    """
    parts = {name: [name] if name in branches else name.split(JOINED_BY) for name in names}
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for those in parts.values():
        joined = {*those}.union(*(groups[part] for part in those))
        groups |= dict.fromkeys(joined, joined)
    by_id: dict[str, Scope] = {}
    return {
        name: by_id.setdefault(first, Scope(name, first))
        for name, those in sorted(parts.items())
        for first in [min(groups[those[0]])]
    }


def _version_made(event: Event) -> int:
    """Return the version that an event made or, if its outcome is open, may have made. 0: none."""
    before, after = event.version_before or 0, event.version_after or 0
    if event.action not in (*WRITES, *REPLACEMENTS, *FOUND):
        return 0
    if event.action == Action.SECRET_ENCRYPTED and not before:
        return 0  # of the background, which only finishes an earlier event's
    if event.action == Action.MIRROR_REPAIRED and before:
        return 0  # it wrote only the mirror
    if event.is_open:
        return before + 1 if event.action != Action.SECRET_ENCRYPTED else 0
    return 0 if after == before else after
