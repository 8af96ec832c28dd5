"""Which keys each branch has itself, gets from All branches, or lacks."""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from console.access.policy import Access
from console.environment.keys import OwnKey
from console.environment.sources import secrets_first
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


def lacking(
    scopes: Collection[int | None],
    branches: Iterable[Branch],
    others: Collection[int | None] = (),
) -> set[int]:
    """Return the ids of the branches that miss a key that these scopes have (None: All branches).

    A branch misses what the production branch has, and that one what any other branch has. Without
    a production branch, each misses what another one has. `others` are scopes that have the key as
    another kind of value: production has it then, in the kind that counts for the other branches.
    """
    if None in scopes:
        return set()
    ids = {branch.pk: branch.production for branch in branches}
    production = next((pk for pk, is_production in ids.items() if is_production), None)
    if production is None:
        return set() if None in others else ids.keys() - {*scopes, *others}
    if production not in scopes:
        return set() if {production, None} & {*others} else {production}
    return ids.keys() - scopes


def own_keys(access: Access) -> dict[str, Sequence[OwnKey]]:
    """Return what each scope has itself, by the source's noun, secrets first."""
    return {source.noun: source.own_keys(access) for source in secrets_first()}


def coverage(
    noun: str, keys: Mapping[str, Iterable[OwnKey]], branches: Iterable[Branch]
) -> Coverage:
    """Return who has which keys of a source, from those of every source (`own_keys`).

    Deleted branches don't count.
    """
    live = [branch for branch in branches if branch.deleted_at is None]
    own: dict[int | None, set[str]] = {None: set(), **{branch.pk: set() for branch in live}}
    for row in keys[noun]:
        if row.branch_id in own:
            own[row.branch_id].add(row.key)
    scopes = _scopes(keys[noun], own)
    others = _scopes(chain(*(rows for other, rows in keys.items() if other != noun)), own)
    missing: dict[int, set[str]] = {branch.pk: set() for branch in live}
    for key, where in scopes.items():
        for pk in lacking(where, live, others.get(key, ())):
            missing[pk].add(key)
    shared = own.pop(None)
    return Coverage(shared, {branch.pk: own[branch.pk] for branch in live}, missing)


def _scopes(rows: Iterable[OwnKey], known: Container[int | None]) -> Mapping[str, Set[int | None]]:
    found: defaultdict[str, set[int | None]] = defaultdict(set)
    for row in rows:
        if row.branch_id in known:
            found[row.key].add(row.branch_id)
    return found
