"""Present audit events in words."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Q

from console.audit.change_sets import CHANGES
from console.audit.events import COMPLETED, Action, Outcome
from console.audit.labels import ACTION_LABELS, GROUP_LABELS, ICONS, OUTCOME_LABELS
from console.audit.queries import (
    ATTEMPTED,
    with_outcomes,
)
from console.lib.naming.natural import natural_key
from console.models import AuditEvent

NOTE_ACTIONS = (Action.NOTE_CHANGED, Action.NOTE_ERASED, Action.TYPE_CHANGED)
MADE = {*COMPLETED, Outcome.UNKNOWN}
RECENT = 1_000  # entries whose users and branches are suggested in filters


@dataclass(frozen=True, slots=True)
class Entry:
    """An act and its outcome, in words."""

    at: datetime
    actor: str
    actor_kind: str
    sentence: str
    subject: str
    app_id: str
    branch: str
    outcome: str
    outcome_label: str
    detail: str
    versions: str
    address: str
    agent: str
    change_set: UUID | None  # of a change that may have been made, which has a page
    icon: str = "user"
    several: Any = None  # the events of a change set that it stands for (paging.Several)

    @property
    def is_about_branch(self) -> bool:
        """Return True if its sentence goes on with the branch, and the subject says more."""
        return bool(self.branch) and self.sentence.endswith(" branch")

    @property
    def can_undo(self) -> bool:
        """Return True if its change set may have written something."""
        return bool(self.change_set) and (self.several is None or self.several.is_made)


def events_of_secret(
    app_id: str, scopes: Collection[str], key: str, limit: int = 10
) -> list[Entry]:
    """Return the newest entries of one secret, under any of the names of its scope.

    Those of its note are among them, which every scope of the key shares.
    """
    about = Q(branch__in=scopes) | Q(branch="", action__in=NOTE_ACTIONS)
    events = AuditEvent.objects.filter(about, app_id=app_id, subject=key)
    return [to_entry(event) for event in with_outcomes(events)[:limit]]


def suggestions(app_id: str = "") -> tuple[list[str], list[str]]:
    """Return users and branches of recent entries, to suggest in the filters."""
    events = AuditEvent.objects.filter(**({"app_id": app_id} if app_id else {})).order_by("-id")
    # DISTINCT over all events would scan the table.
    rows = set(events.values_list("actor", "branch")[:RECENT])
    return sorted({actor for actor, _ in rows}), sorted(
        {branch for _, branch in rows} - {""}, key=natural_key
    )


def action_choices() -> list[tuple[str, Any]]:
    """Return all actions in words, grouped by subject.

    Each group has a choice for all of its actions.
    """
    kinds = groupby(sorted(ACTION_LABELS, key=lambda action: action.partition(".")[0]), _kind)
    groups = [
        (GROUP_LABELS.get(kind, kind.capitalize()), kind, list(actions)) for kind, actions in kinds
    ]
    return [("", "Any action"), *(_choices(*group) for group in sorted(groups))]


def _kind(action: str) -> str:
    return action.partition(".")[0]


def _choices(name: str, kind: str, actions: list[Action]) -> tuple[str, list[tuple[str, str]]]:
    every = [(f"{kind}.", f"{name}: any action")] if len(actions) > 1 else []
    return name, every + [(action.value, _capitalize(ACTION_LABELS[action])) for action in actions]


def _capitalize(words: str) -> str:
    return words[:1].upper() + words[1:]


def to_entry(event: Any) -> Entry:
    """Return an event, annotated by `queries.with_outcomes`, in words."""
    outcome = event.last_outcome or ATTEMPTED
    words = ACTION_LABELS.get(event.action, event.action)
    return Entry(
        at=event.at,
        actor=event.actor,
        actor_kind=event.actor_kind,
        sentence=words if outcome == Outcome.SUCCEEDED else f"attempted: {words}",
        subject=event.subject,
        app_id=event.app_id,
        branch=event.branch,
        outcome=outcome,
        outcome_label=OUTCOME_LABELS.get(outcome, outcome),
        detail=event.last_detail or "",
        versions=_versions(event),
        address=event.address,
        agent=event.agent,
        change_set=event.change_set if event.action in CHANGES and outcome in MADE else None,
        icon=_icon(event.action, outcome),
    )


def _icon(action: str, outcome: str) -> str:
    if outcome == Outcome.DENIED:
        return "denied"
    kind, _, verb = action.partition(".")
    return ICONS["found"] if kind == "found" else ICONS.get(verb) or ICONS.get(kind, "user")


def _versions(event: Any) -> str:
    before, after = event.version_before, event.version_after
    if _kind(event.action) == "deployment":  # `before` is the one that was there
        return f"deployment {after}" if after else ""
    if before and after and before != after:
        return f"version {before} to {after}"
    known = after or before
    return f"version {known}" if known else ""
