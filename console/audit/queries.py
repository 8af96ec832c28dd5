"""Filter the audit trail. Pages and exports with the same filter show the same entries."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from console.access.branches import JOINED_BY
from console.audit.events import Action, Outcome
from console.models import AuditEvent, AuditOutcome

ATTEMPTED = "attempted"  # no outcome yet
OPEN = "open"  # no outcome yet, or an unknown one
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Filter:
    """Conditions that must all hold. An empty one doesn't count.

    `q` is searched in users, keys and branches. `person`, `key` and `branch` match whole names.
    `action` is one action, or a prefix such as "secret.". `since` and `until` are minutes, both
    inclusive. `app` is an app ID.
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
        """Return the same filter limited to one app."""
        return replace(self, app=app_id)

    @property
    def narrows_rows(self) -> bool:
        """Return True if it may leave out some of what one save did."""
        return bool(self.q or self.action or self.key or self.branch or self.outcome)

    def describe(self) -> str:
        """Return the conditions in words for the audit trail.

        The search text is left out, because people paste anything into a search box, even values.
        """
        conditions = [
            f"{name} {value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{name} {value}"
            for name, value in vars(self).items()
            if value and name not in {"app", "q"}
        ]
        return ", ".join([*(["a search"] if self.q else []), *conditions]) or "everything"


def matching(filters: Filter) -> QuerySet[Any]:
    """Return the matching events, newest first, each with its latest outcome."""
    exact = {"app_id": filters.app, "subject": filters.key}
    events = AuditEvent.objects.filter(**{name: value for name, value in exact.items() if value})
    if filters.branch:
        events = events.filter(_is_on(filters.branch))
    if filters.q:
        events = events.filter(
            Q(actor__icontains=filters.q)
            | Q(subject__icontains=filters.q)
            | Q(branch__icontains=filters.q)
        )
    if filters.person:  # emails are stored in lower case, other names aren't
        events = events.filter(actor__in={filters.person, filters.person.lower()})
    if filters.action:
        events = events.filter(action__in=_actions(filters.action))
    if filters.since:
        events = events.filter(at__gte=filters.since)
    if filters.until:
        events = events.filter(at__lt=filters.until + _MINUTE)
    return _filter_by_outcome(with_outcomes(events), filters.outcome)


def last_of_change_sets(events: QuerySet[Any], filters: Filter) -> QuerySet[Any]:
    """Return the last event of each change set, and those of none.

    If the filter leaves out some of what one save did, each event stands for itself.
    """
    if filters.narrows_rows:
        return events
    later = AuditEvent.objects.filter(
        change_set=OuterRef("change_set"), app_id=OuterRef("app_id"), pk__gt=OuterRef("pk")
    )
    return events.filter(Q(change_set=None) | ~Exists(later))


def _is_on(branch: str) -> Q:
    """Return the condition for one branch, also where it is named with others."""
    return (
        Q(branch=branch)
        | Q(branch__startswith=f"{branch}{JOINED_BY}")
        | Q(branch__endswith=f"{JOINED_BY}{branch}")
    )


def _actions(action_or_prefix: str) -> list[str]:
    if not action_or_prefix.endswith("."):
        return [action_or_prefix]
    return [action for action in Action if action.startswith(action_or_prefix)]


def _filter_by_outcome(events: QuerySet[Any], outcome: str) -> QuerySet[Any]:
    if not outcome:
        return events
    if outcome == Outcome.SUCCEEDED:  # most events succeeded, so the newest rows already match
        return events.filter(last_outcome=outcome)
    ends = AuditOutcome.objects.filter(event_id=OuterRef("pk"))
    if outcome == ATTEMPTED:
        return events.filter(~Exists(ends))
    if outcome == OPEN:
        return events.filter(~Exists(ends.exclude(outcome=Outcome.UNKNOWN)))
    # Other outcomes are rare. Starting from the outcomes' index avoids a scan of all events.
    few = AuditOutcome.objects.filter(outcome=outcome).values("event_id")
    return events.filter(pk__in=few, last_outcome=outcome)


def events_since(moment: datetime) -> QuerySet[AuditEvent]:
    """Return the events from the first one at that time or later on.

    By id, so that a search for a few of an app's events doesn't read all older ones.
    """
    first = AuditEvent.objects.filter(at__gte=moment).order_by("at", "pk")
    start = first.values_list("pk", flat=True).first()
    return AuditEvent.objects.none() if start is None else AuditEvent.objects.filter(pk__gte=start)


def with_outcomes(events: QuerySet[AuditEvent]) -> QuerySet[Any]:
    """Annotate each event with its latest outcome, since an unknown one may have been settled."""
    latest = AuditOutcome.objects.filter(event_id=OuterRef("pk")).order_by("-id")
    return events.order_by("-id").annotate(
        last_outcome=Subquery(latest.values("outcome")[:1]),
        last_detail=Subquery(latest.values("detail")[:1]),
        last_at=Subquery(latest.values("at")[:1]),
        version_after=Subquery(latest.values("version_after")[:1]),
    )
