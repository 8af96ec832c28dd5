"""Which keys each branch has itself, gets from All branches, or lacks. Pure: it reads nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass

from console.environment.keys import OwnKey
from console.models import Branch


@dataclass(frozen=True)
class Coverage:
    """The keys of one source, in sets: those for All branches, and by the ids of live branches."""

    shared: Set[str]
    own: Mapping[int, Set[str]]
    missing: Mapping[int, Set[str]]

    def inherited(self, branch_id: int) -> Set[str]:
        """Return the keys that a branch gets from All branches."""
        return self.shared - self.own[branch_id]


def lacking(scopes: Collection[int | None], branches: Iterable[Branch]) -> set[int]:
    """Return the ids of the branches that miss a key that these scopes have (None: All branches).

    A branch misses what the production branch has, and that one what any other branch has. Without
    a production branch, each misses what another one has.
    """
    if None in scopes:
        return set()
    ids = {branch.pk: branch.production for branch in branches}
    production = next((pk for pk, is_production in ids.items() if is_production), None)
    if production is not None and production not in scopes:
        return {production}
    return ids.keys() - scopes


def coverage(rows: Iterable[OwnKey], branches: Iterable[Branch]) -> Coverage:
    """Return who has which of a source's keys. Deleted branches don't count."""
    live = [branch for branch in branches if branch.deleted_at is None]
    own: dict[int | None, set[str]] = {None: set(), **{branch.pk: set() for branch in live}}
    scopes: defaultdict[str, set[int | None]] = defaultdict(set)
    for row in rows:
        if row.branch_id in own:
            own[row.branch_id].add(row.key)
            scopes[row.key].add(row.branch_id)
    missing: dict[int, set[str]] = {branch.pk: set() for branch in live}
    for key, where in scopes.items():
        for pk in lacking(where, live):
            missing[pk].add(key)
    shared = own.pop(None)
    return Coverage(shared, {branch.pk: own[branch.pk] for branch in live}, missing)
