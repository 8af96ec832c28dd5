"""Which versions of a secret people know, and which of them hold the same value.

Computed from the audit trail. A restore gives a version the value of an earlier one, so that people
who knew that one know the secret again (docs/adr/0048).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from console.access.policy import Access
from console.audit.events import Action, Outcome
from console.audit.queries import with_outcomes
from console.members.services import people_of
from console.models import AuditEvent

REVEALS = (Action.SECRET_REVEALED, Action.SECRET_COMPARED)
WRITES = (Action.SECRET_CREATED, Action.SECRET_CHANGED)
# These write the value of an earlier version, `version_before`, again
_RESTORES = (Action.VERSION_RESTORED, Action.BIN_RESTORED)
_COPIES = (*_RESTORES, Action.SECRET_ENCRYPTED)
_NOT_DONE = {Outcome.DENIED, Outcome.FAILED}
Key = tuple[str, str, str]  # app ID, branch, key


def of_former_members(access: Access, scopes: Collection[str], key: str) -> "KnownValues":
    """Return which versions of a secret people know who are no longer active members."""
    [known] = of_former_members_by_secret(access, [(scopes, key)])
    return known


def of_former_members_by_secret(
    access: Access, secrets: Sequence[tuple[Collection[str], str]]
) -> "list[KnownValues]":
    """Return the same for many secrets, in their order. Each is the names of its scope, and a key.

    Takes as many queries for many as for one.
    """
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id,
        branch__in={scope for scopes, _ in secrets for scope in scopes},
        subject__in={key for _, key in secrets},
    )
    by_key: defaultdict[str, list[Any]] = defaultdict(list)
    for event in _relevant(events):
        by_key[event.subject].append(event)
    current = {person.pk for person in people_of(access.app) if person.is_active}
    return [
        KnownValues([it for it in by_key[key] if it.branch in scopes], ignored=current)
        for scopes, key in secrets
    ]


def of_restored_secrets(app_ids: Iterable[str]) -> dict[Key, "KnownValues"]:
    """Return the same of all people, for the secrets of which a version was ever restored.

    Takes two queries, whatever their number.
    """
    restored = AuditEvent.objects.filter(action__in=_RESTORES, app_id__in=[*app_ids]).order_by()
    keys = {*restored.values_list("app_id", "branch", "subject").distinct()}
    if not keys:
        return {}
    rows = AuditEvent.objects.filter(
        app_id__in={key[0] for key in keys}, subject__in={key[2] for key in keys}
    )
    by_key: defaultdict[Key, list[Any]] = defaultdict(list)
    for event in _relevant(rows):
        by_key[event.app_id, event.branch, event.subject].append(event)
    return {key: KnownValues(by_key[key]) for key in keys}


def _relevant(events: Any) -> list[Any]:
    """Return the events that were or may have been carried out, oldest first."""
    chosen = with_outcomes(events.filter(action__in=(*REVEALS, *WRITES, *_COPIES)))
    return [it for it in reversed(chosen) if it.last_outcome not in _NOT_DONE]


class KnownValues:
    """Who knows which versions of one secret.

    An event without an outcome counts, because the value may have reached the person or the store.
    """

    def __init__(self, events: Sequence[Any], ignored: Collection[int] = ()) -> None:
        saves = {it.change_set: it for it in events if it.action in WRITES and it.change_set}
        self._same: dict[int, set[int]] = {}  # versions with the same value
        self._known: list[tuple[Any, set[int]]] = []
        self._restores: list[tuple[AuditEvent, int]] = []
        for event in events:
            if event.action in _RESTORES:
                save = saves.get(event.change_set)  # without one, nothing was written
                if save and (written := _written_by(save)):
                    self._merge(event.version_before, written)
                    self._restores.append((event, save.pk))
            elif event.action == Action.SECRET_ENCRYPTED:
                self._merge(event.version_before, {event.version_after})
            elif event.actor_id is not None and event.actor_id not in ignored:
                self._known.append((event, _known_by(event)))

    def people_who_know(self, version: int) -> list[str]:
        """Return the people who know the value of a version, by email."""
        same = self._same.get(version, {version})
        return sorted({event.actor for event, known in self._known if known & same})

    def restored_for(self, person_id: int) -> tuple[AuditEvent, int] | None:
        """Return the last restore of a value that the person knew before, and its last event's id.

        Their own restores don't count: those are writes of theirs.
        """
        for restore, last in reversed(self._restores):
            source = restore.version_before
            same = self._same.get(source, {source}) if source else set()
            for event, known in self._known:
                is_theirs = event.actor_id == person_id and event.pk < restore.pk
                if is_theirs and known & same and restore.actor_id != person_id:
                    return restore, last
        return None

    def _merge(self, source: int | None, copies: Iterable[int | None]) -> None:
        group = {version for version in (source, *copies) if version}
        merged = group.union(*(self._same.get(version, ()) for version in group))
        self._same |= dict.fromkeys(merged, merged)


def _known_by(event: Any) -> set[int]:
    """Return the versions whose value the event made known to its actor."""
    if event.action in WRITES:
        return _written_by(event)
    return {event.version_after or event.version_before or 0}


def _written_by(event: Any) -> set[int]:
    """Return the version that a save wrote, or may have written if its outcome is open."""
    if event.last_outcome in {None, Outcome.UNKNOWN}:
        return {(event.version_before or 0) + 1}
    is_unchanged = event.version_after == event.version_before  # settled as not written
    return set() if is_unchanged or not event.version_after else {event.version_after}
