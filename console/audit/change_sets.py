"""Find and summarize the events of a change set in the audit trail."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.template.defaultfilters import pluralize

from console.audit.events import Action, Outcome
from console.audit.queries import with_outcomes
from console.models import AuditEvent

UNDID = "undid"
SHOWN = 20  # events of a change set in the activity

# What saves write, with the noun of the environment source. An event of another action, such as a
# restore's, only goes with one of these.
CHANGES: dict[str, str] = {
    Action.SECRET_CREATED: "secret",
    Action.SECRET_CHANGED: "secret",
    Action.SECRET_REMOVED: "secret",
    Action.PARAMETER_REMOVED: "secret",
    Action.PARAMETER_RESTORED: "secret",
    Action.VARIABLE_CREATED: "variable",
    Action.VARIABLE_CHANGED: "variable",
    Action.VARIABLE_RENAMED: "variable",
    Action.VARIABLE_REMOVED: "variable",
    Action.VARIABLE_MOVED: "variable",
}


def sizes_of(app_id: str, change_sets: Collection[UUID]) -> Counter[UUID | None]:
    """Return how many secrets and variables each of the change sets wrote. Takes one query."""
    events = AuditEvent.objects.filter(
        app_id=app_id, change_set__in=change_sets, action__in=CHANGES
    ).order_by()
    return Counter(
        row[0] for row in events.values_list("change_set", "branch", "subject").distinct()
    )


@dataclass
class Group:
    """A change set in the activity: its first events, and numbers of all of them.

    `counts` are by action, scope and last outcome ("" if there is none yet).
    """

    events: list[Any] = field(default_factory=list)
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def number(self) -> int:
        """Return the number of events."""
        return self.counts.total()

    @property
    def changes(self) -> int:
        """Return how many of the events changed a secret or variable."""
        return sum(number for (action, _, _), number in self.counts.items() if action in CHANGES)

    @property
    def verb(self) -> str:
        """Return what was done."""
        is_undo = any(action == Action.CHANGES_UNDONE for action, _, _ in self.counts)
        return UNDID if is_undo else "saved"

    @property
    def only_change(self) -> Any | None:
        """Return the change if there is exactly one and it isn't an undo."""
        if self.changes != 1 or self.verb == UNDID:
            return None
        return next((event for event in self.events if event.action in CHANGES), None)

    @property
    def title(self) -> str:
        """Return its title, such as "5 changes on main and dev"."""
        return title_of(self.changes, self.scopes)

    @property
    def scopes(self) -> list[str]:
        """Return the scopes of its changes."""
        return sorted({scope for action, scope, _ in self.counts if action in CHANGES})

    @property
    def outcome(self) -> tuple[str, int]:
        """Return the outcome that matters most, and how many events have it."""
        numbers: Counter[str] = Counter()
        for (_, _, outcome), number in self.counts.items():
            numbers[outcome] += number
        worst = next((it for it in _WORST_FIRST if it in numbers), Outcome.SUCCEEDED)
        return worst, numbers[worst]


_WORST_FIRST = (Outcome.FAILED, Outcome.DENIED, Outcome.UNKNOWN, "", Outcome.SETTLED)


def title_of(number: int, scopes: Sequence[str]) -> str:
    """Return the title of a change set, such as "5 changes on main and dev"."""
    if not number:
        return "No changes"
    named = [scope for scope in scopes if scope]  # the branch of a parameter may be unknown
    where = " and ".join(named)
    if len(named) > 2:
        where = f"{named[0]}, {named[1]}, and {len(named) - 2} more"
    return f"{number} change{pluralize(number)}{' on ' if where else ''}{where}"


def is_lone_mirror(event: Any) -> bool:
    """Return True if the event removed a mirror without its secret, and so without a version."""
    is_removal = event.action == Action.SECRET_REMOVED and not event.version_before
    return is_removal and event.last_outcome == Outcome.SUCCEEDED and not event.last_detail


def groups_of(events: Sequence[Any]) -> dict[UUID, Group]:
    """Return the change sets of these events that have several events. Takes two queries."""
    ids = {event.change_set for event in events if event.change_set}
    if not ids:
        return {}
    found: defaultdict[UUID, Group] = defaultdict(Group)
    rows = with_outcomes(AuditEvent.objects.filter(change_set__in=ids)).order_by()
    columns = ("change_set", "action", "branch", "last_outcome")
    for pk, action, scope, outcome, number in rows.values_list(*columns).annotate(Count("pk")):
        found[pk].counts[action, scope, outcome or ""] += number
    several = [pk for pk, group in found.items() if group.number > 1]
    place = Window(RowNumber(), partition_by=F("change_set"), order_by=F("pk").asc())
    first = AuditEvent.objects.filter(change_set__in=several).annotate(place=place)
    chosen = first.filter(place__lte=SHOWN).order_by().values("pk")
    for event in reversed(with_outcomes(AuditEvent.objects.filter(pk__in=chosen))):
        found[event.change_set].events.append(event)
    return {pk: found[pk] for pk in several}
