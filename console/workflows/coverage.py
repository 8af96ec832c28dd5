"""Which keys each branch has itself, gets from All branches, or lacks. Pure: it reads nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from console.environment.sources import Origin, OwnKey
from console.models import Branch


@dataclass(frozen=True)
class Coverage:
    """The keys of one source, in sets: those for All branches, and by the ids of live branches."""

    shared: frozenset[str]
    own: dict[int, frozenset[str]]
    missing: dict[int, frozenset[str]]

    def origin(self, branch_id: int, key: str) -> Origin | None:
        """Return where a branch gets a key from, None if it doesn't have it."""
        if key in self.own[branch_id]:
            return Origin.OWN
        return Origin.INHERITED if key in self.shared else None

    def inherited(self, branch_id: int) -> frozenset[str]:
        """Return the keys that a branch gets from All branches."""
        return self.shared - self.own[branch_id]


def coverage(rows: Iterable[OwnKey], branches: Iterable[Branch]) -> Coverage:
    """Return who has which of a source's keys. Deleted branches don't count.

    A branch lacks what production has. Production lacks what any other branch has. Without a
    production branch, nothing is missing.
    """
    live = [branch for branch in branches if branch.deleted_at is None]
    found: dict[int | None, set[str]] = {None: set(), **{branch.pk: set() for branch in live}}
    for row in rows:
        if row.branch_id in found:
            found[row.branch_id].add(row.key)
    shared = frozenset(found.pop(None))
    own = {branch.pk: frozenset(found[branch.pk]) for branch in live}
    production = next((branch.pk for branch in live if branch.production), None)
    wanted: frozenset[str] = own[production] if production is not None else frozenset()
    missing = {pk: wanted - keys - shared for pk, keys in own.items()}
    if production is not None:
        missing[production] = frozenset().union(*own.values()) - wanted - shared
    return Coverage(shared, own, missing)
