"""Find the changes made outside Branchkeep that nobody has decided about, in the audit trail.

No table holds drift. Reconciling records what it finds, and a decision about that is an event, too:
taken, or ignored until the next change is found (docs/adr/0061).
"""

from collections import defaultdict

from django.db.models import Max, Q, QuerySet

from console.access.branches import JOINED_BY
from console.audit.events import COMPLETED, Action
from console.models import AuditEvent

FOUND = (Action.FOUND_ADDED, Action.FOUND_CHANGED, Action.FOUND_REMOVED)

_IGNORED = Q(action=Action.DRIFT_IGNORED, outcomes__outcome__in=COMPLETED)
# Repairing a mirror without a secret brings the secret back, so nothing differs anymore.
_BROUGHT_BACK = Q(action=Action.MIRROR_REPAIRED, version_before=0)
_TAKEN = (Q(action=Action.DRIFT_TAKEN) | _BROUGHT_BACK) & Q(outcomes__outcome__in=COMPLETED)


def undecided(
    app_id: str, events: QuerySet[AuditEvent] | None = None
) -> dict[tuple[str, str], bool]:
    """Map the scope and key of each undecided change to True if somebody ignored it.

    Changes that were taken since are left out. Those that were saved over since are not: only the
    projection knows.
    `events` limits how far back this looks. Takes one query.
    """
    events = AuditEvent.objects.all() if events is None else events
    relevant = (*FOUND, Action.DRIFT_TAKEN, Action.DRIFT_IGNORED, Action.MIRROR_REPAIRED)
    rows = events.filter(app_id=app_id, action__in=relevant).order_by()
    last: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for scopes, key, *ids in rows.values_list("branch", "subject").annotate(
        found=Max("pk", filter=Q(action__in=FOUND)),
        taken=Max("pk", filter=_TAKEN),
        ignored=Max("pk", filter=_IGNORED),
    ):
        # An event names several branches if they share their parameters.
        for name in {scopes, *scopes.split(JOINED_BY)}:
            pairs = zip(last[name, key], ids, strict=True)
            last[name, key] = [max(one, other or 0) for one, other in pairs]
    return {
        name: ignored > found for name, (found, taken, ignored) in last.items() if found > taken
    }
