"""What belongs to one change set in the audit trail."""

from collections import Counter
from collections.abc import Collection
from uuid import UUID

from console.audit.events import Action
from console.models import AuditEvent

# What saves write, with the noun of the environment source. An event of another action, such as a
# restore's, only goes with one of these.
CHANGES: dict[str, str] = {
    Action.SECRET_CREATED: "secret",
    Action.SECRET_CHANGED: "secret",
    Action.SECRET_REMOVED: "secret",
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
