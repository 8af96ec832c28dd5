"""What the activity can be narrowed to. A page and an export that are asked the same agree."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from console.audit.events import Action, Outcome
from console.models import AuditEvent, AuditOutcome

ATTEMPTED = "attempted"  # no outcome yet
OPEN = "open"  # no outcome yet, or an unknown one
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Filter:
    """All of it holds at once; what is empty narrows nothing.

    `q` is looked for in people, keys and branches; `person`, `key` and `branch` are whole names.
    `action` is one, or all that begin with it ("secret."). `since` and `until` are minutes, both
    included. `app` is an app id.
    """

    app: str = ""
    q: str = ""
    person: str = ""
    action: str = ""
    key: str = ""
    branch: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def of_app(self, app_id: str) -> "Filter":
        """Return the same within one app."""
        return replace(self, app=app_id)

    def words(self) -> str:
        """Return what narrows it, for the audit trail; not what was typed into the search box,
        where people paste anything.
        """
        said = [
            f"{name} {value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{name} {value}"
            for name, value in vars(self).items()
            if value and name not in {"app", "q"}
        ]
        return ", ".join([*(["a search"] if self.q else []), *said]) or "everything"


def matching(asked: Filter) -> QuerySet[Any]:
    """Return the entries that match, newest first, each with its latest outcome."""
    exact = {"app_id": asked.app, "subject": asked.key, "branch": asked.branch}
    events = AuditEvent.objects.filter(**{name: value for name, value in exact.items() if value})
    if asked.q:
        events = events.filter(
            Q(actor__icontains=asked.q)
            | Q(subject__icontains=asked.q)
            | Q(branch__icontains=asked.q)
        )
    if asked.person:  # emails are kept in lower case, other names are not
        events = events.filter(actor__in={asked.person, asked.person.lower()})
    if asked.action:
        events = events.filter(action__in=_actions(asked.action))
    if asked.since:
        events = events.filter(at__gte=asked.since)
    if asked.until:
        events = events.filter(at__lt=asked.until + _MINUTE)
    return _ended(with_outcomes(events), asked.outcome)


def _actions(asked: str) -> list[str]:
    if not asked.endswith("."):
        return [asked]
    return [action for action in Action if action.startswith(asked)]


def _ended(events: QuerySet[Any], asked: str) -> QuerySet[Any]:
    if not asked:
        return events
    if asked == Outcome.SUCCEEDED:  # most have: the newest are at hand
        return events.filter(last_outcome=asked)
    ends = AuditOutcome.objects.filter(event_id=OuterRef("pk"))
    if asked == ATTEMPTED:
        return events.filter(~Exists(ends))
    if asked == OPEN:
        return events.filter(~Exists(ends.exclude(outcome=Outcome.UNKNOWN)))
    few = AuditOutcome.objects.filter(outcome=asked).values("event_id")
    return events.filter(pk__in=few, last_outcome=asked)


def with_outcomes(events: QuerySet[AuditEvent]) -> QuerySet[Any]:
    """Join each event's latest outcome: an unknown one may have been settled."""
    latest = AuditOutcome.objects.filter(event_id=OuterRef("pk")).order_by("-id")
    return events.order_by("-id").annotate(
        last_outcome=Subquery(latest.values("outcome")[:1]),
        last_detail=Subquery(latest.values("detail")[:1]),
        last_at=Subquery(latest.values("at")[:1]),
        version_after=Subquery(latest.values("version_after")[:1]),
    )
