"""The newest change sets of an app, in words."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from console.access.policy import Access
from console.audit.change_sets import CHANGES
from console.audit.events import Action, Outcome
from console.audit.queries import events_since, with_outcomes
from console.lib.naming.names import ALL_BRANCHES

SHOWN = 7
RECENT = timedelta(days=30)
MAX_EVENTS = 1_000  # newest events
_VERBS = {
    **dict.fromkeys((Action.SECRET_CREATED, Action.VARIABLE_CREATED), "added"),
    **dict.fromkeys((Action.SECRET_CHANGED, Action.VARIABLE_CHANGED), "changed"),
    **dict.fromkeys(
        (Action.SECRET_REMOVED, Action.VARIABLE_REMOVED, Action.PARAMETER_REMOVED), "removed"
    ),
    Action.PARAMETER_RESTORED: "restored",
    Action.VARIABLE_RENAMED: "renamed",
}
# Recorded beside the changes that they make
_WHOLE = {
    Action.VARIABLE_MOVED: "made a secret",
    Action.VERSION_RESTORED: "restored",
    Action.CHANGES_UNDONE: "undone",
}
_FAILED = (Outcome.FAILED, Outcome.DENIED)


@dataclass(frozen=True)
class ChangeSet:
    """What one Save wrote, such as "2 secrets added". `scopes` are the names of its scopes."""

    id: UUID
    key: str
    what: str
    scopes: Sequence[str]
    at: datetime
    by: str
    failed: int
    conflicts: int

    @property
    def is_shared(self) -> bool:
        """Return True if all of it is for All branches."""
        return self.scopes == [ALL_BRANCHES]


def recent_changes(access: Access) -> list[ChangeSet]:
    """Return the newest change sets, at most SHOWN, none older than RECENT. Takes three queries."""
    events = (
        events_since(timezone.now() - RECENT)
        .filter(app_id=access.app.app_id, action__in=[*_VERBS, *_WHOLE], change_set__isnull=False)
        .order_by("-pk")
    )
    newest = list(events.values_list("pk", "change_set")[:MAX_EVENTS])
    ids = list(dict.fromkeys(change_set for _, change_set in newest if change_set))[:SHOWN]
    shown = [pk for pk, change_set in newest if change_set in ids]
    if not shown:
        return []
    rows: dict[UUID, list[Any]] = {change_set: [] for change_set in ids}
    for event in with_outcomes(events.filter(pk__gte=min(shown), change_set__in=ids)):
        rows[event.change_set].append(event)
    return [_change_set(events) for events in rows.values() if events]


def _change_set(events: Sequence[Any]) -> ChangeSet:
    newest: dict[tuple[str, str, str], Any] = {}  # of each value
    for event in events:
        if noun := CHANGES.get(event.action):
            newest.setdefault((noun, event.branch, event.subject), event)
    values = newest or {("", it.branch, it.subject): it for it in events}
    failed = [event for event in values.values() if event.last_outcome in _FAILED]
    actions = {event.action for event in events}
    keys, is_undo = _distinct(key for _, _, key in values), Action.CHANGES_UNDONE in actions
    is_one_key = len(keys) == 1 and not is_undo
    return ChangeSet(
        id=events[0].change_set,
        key=keys[0] if is_one_key else "",
        what=_undo(len(values)) if is_undo else _what(values, actions, is_one_key=is_one_key),
        scopes=_distinct(scope for _, scope, _ in values),
        at=events[0].at,
        by=events[0].actor,
        failed=len(failed),
        conflicts=sum(event.last_detail == "conflict" for event in failed),
    )


def _undo(number: int) -> str:
    return f"Undo of {number} change{'' if number == 1 else 's'}"


def _what(
    values: Collection[tuple[str, str, str]], actions: Collection[str], *, is_one_key: bool
) -> str:
    """Return what was done, to be said after the key if there is only one."""
    whole = [verb for action, verb in _WHOLE.items() if action in actions]
    verbs = whole or _distinct(verb for action, verb in _VERBS.items() if action in actions)
    verb = verbs[0] if len(verbs) == 1 else ""
    if is_one_key:
        return verb or "changed"
    nouns = {noun for noun, _, _ in values}
    if verb and len(nouns) == 1:
        return f"{len(values)} {nouns.pop()}s {verb}"
    return f"{len(values)} changes"


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
