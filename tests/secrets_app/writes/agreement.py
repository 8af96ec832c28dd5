"""Whether trail, projection and store tell the same story."""

from collections.abc import Iterator

from console.audit.events import Outcome
from console.models import AuditEvent, Branch, scope_name
from secrets_app.models import Secret
from tests.secrets_app.writes.desk import Desk

Place = tuple[Branch | None, str]
WROTE = {Outcome.SUCCEEDED, Outcome.SETTLED}


def gaps(desk: Desk, places: list[Place]) -> Iterator[str]:
    """Yield each attempt that does not begin where one before it ended: a write without a trace."""
    for branch, key in places:
        versions = {0}
        events = AuditEvent.objects.filter(branch=scope_name(branch), subject=key).order_by("pk")
        for event in events:
            last = event.outcomes.order_by("pk").last()
            if event.version_before not in versions:
                yield f"{event.pk} {event.action} {key}: {versions}, {event.version_before}"
            if last is None:
                yield f"{event.pk} {event.action} {key}: has no outcome"
            elif last.outcome in WROTE:
                versions = {last.version_after or 0}
        if stored(desk, branch, key) not in versions:
            yield f"{key} at the end: {versions}, {stored(desk, branch, key)}"


def differing(desk: Desk, places: list[Place]) -> Iterator[str]:
    """Yield each secret that the projection shows otherwise than the store, its mirror too."""
    for branch, key in places:
        shown = desk.rows().get((branch.name if branch else "", key), 0)
        if shown != stored(desk, branch, key):
            yield f"{branch} {key}: {shown}, {stored(desk, branch, key)}"
        primary, mirror = desk.values(key, branch)
        in_step = primary == mirror or branch is None
        if shown and not in_step and not desk.shown(key, branch).mirror:
            yield f"{branch} {key}: the mirror differs, and nothing says so"


def claims() -> int:
    """Return how many rows are claimed."""
    return Secret.objects.exclude(claim=None).count()


def stored(desk: Desk, branch: Branch | None, key: str) -> int:
    """Return the version that the store holds; 0 is none."""
    found = desk.store.current(desk.paths(key, branch)[:1])
    return next((parameter.version for parameter in found.values()), 0)


def at_peace(desk: Desk, key: str, version: int | None) -> None:
    """Check that trail, projection and store agree on a secret of main, now and later."""
    for _ in range(2):
        assert desk.rows().get(("main", key)) == version
        found = desk.store.current(desk.paths(key, desk.world.main)[:1]).values()
        assert [parameter.version for parameter in found] == ([version] if version else [])
        assert not Secret.objects.exclude(claim=None).exists()
        assert not AuditEvent.objects.filter(action__startswith="secret.", outcomes=None).exists()
        desk.check()
