"""What a change set did to secrets, and what happened since, as the audit trail tells."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from console.access.policy import Access
from console.audit.change_sets import is_lone_mirror
from console.audit.events import COMPLETED, Action, Outcome
from console.audit.queries import with_outcomes
from console.members.value_events import PATHS_CHANGED
from console.models import AuditEvent

WRITES = (Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED)
VERBS: dict[str, str] = {
    Action.SECRET_CREATED: "added it again",
    Action.SECRET_CHANGED: "changed it",
    Action.SECRET_REMOVED: "removed it",
    Action.SECRET_ENCRYPTED: "replaced it",
    Action.MIRROR_REPAIRED: "restored it from its mirror",
    Action.FOUND_ADDED: "added it",
    Action.FOUND_CHANGED: "changed it",
    Action.FOUND_REMOVED: "removed it",
}
_TOKEN = "secret-"  # noqa: S105 - names a change in a form


@dataclass(frozen=True)
class Written:
    """What the change set did to one secret: its events, oldest first."""

    scope: str
    key: str
    events: Sequence[Any]

    @property
    def token(self) -> str:
        """Return what names the change in a form."""
        return f"{_TOKEN}{self.events[0].pk}"

    @property
    def name(self) -> tuple[str, str]:
        """Return what the audit trail calls it."""
        return self.scope, self.key

    @property
    def done(self) -> list[Any]:
        """Return the events that wrote something."""
        return [event for event in self.events if has_written(event)]

    @property
    def versions(self) -> tuple[int, int]:
        """Return the versions before and after the change set, 0 for none."""
        done = self.done
        return (done[0].version_before or 0, done[-1].version_after or 0) if done else (0, 0)

    @property
    def is_removed(self) -> bool:
        """Return True if the change set ended with the removal of the secret."""
        return bool(self.done) and self.done[-1].action == Action.SECRET_REMOVED

    @property
    def was_added_and_removed(self) -> bool:
        """Return True if the change set itself added what it removed."""
        return self.versions == (0, 0) and not is_lone_mirror(self.done[0])

    @property
    def is_open(self) -> bool:
        """Return True if it is not known how one of them ended."""
        return any(event.last_outcome in {None, Outcome.UNKNOWN} for event in self.events)


def written_by(
    access: Access, change_set: UUID, tokens: Collection[str] | None = None
) -> list[Written]:
    """Return what the change set wrote, in the order of its events: all, or what tokens name."""
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id, change_set=change_set, action__in=WRITES
    )
    if tokens is not None:
        named = AuditEvent.objects.filter(pk__in=[token.removeprefix(_TOKEN) for token in tokens])
        events = events.filter(subject__in=named.values("subject"))
    grouped: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for event in reversed(with_outcomes(events)):
        grouped[event.branch, event.subject].append(event)
    found = [Written(scope, key, group) for (scope, key), group in grouped.items()]
    return [it for it in found if tokens is None or it.token in tokens]


def later(
    access: Access, change_set: UUID, written: Sequence[Written]
) -> dict[tuple[str, str], Any]:
    """Return the last event after the change set of each of its secrets, by scope and key."""
    last = {it.name: it.events[-1].pk for it in written}
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id,
        subject__in={it.key for it in written},
        action__in=VERBS,
        pk__gt=min(last.values()),
    )
    found: dict[tuple[str, str], Any] = {}
    for event in with_outcomes(events):  # newest first
        name = event.branch, event.subject
        is_later = event.pk > last.get(name, event.pk) and event.change_set != change_set
        is_over = event.last_outcome in {Outcome.FAILED, Outcome.DENIED}
        if is_later and not is_over and not _left_alone(event):
            found.setdefault(name, event)
    return found


def has_written(event: Any) -> bool:
    """Return True if the event wrote something, as far as is known."""
    return event.last_outcome in COMPLETED and not _left_alone(event)


def _left_alone(event: Any) -> bool:
    """Return True if the event ended with the version that there was before."""
    is_same = (event.version_before or 0) == (event.version_after or 0)
    is_write = event.action in {*WRITES, Action.MIRROR_REPAIRED}
    return is_same and is_write and event.last_outcome in COMPLETED and not is_lone_mirror(event)


def paths_changed_at(access: Access) -> int:
    """Return the last event since which branches' secrets are read from other paths, 0 for none."""
    changes = AuditEvent.objects.filter(
        PATHS_CHANGED, app_id=access.app.app_id, outcomes__outcome=Outcome.SUCCEEDED
    )
    return changes.order_by("-pk").values_list("pk", flat=True).first() or 0
