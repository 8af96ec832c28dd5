"""The matrix of an app: which branch has which key, of all sources, without values.

A branch has a key itself, or inherits it from All branches. It misses a key if the production
branch has it; the production branch misses what any other branch has. Without a production branch,
each misses what another one has. A key that production has as another kind of value isn't missing
there. Deleted branches don't count.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from console.access.policy import Access
from console.catalog.previews import previews_of
from console.environment.keys import OwnKey
from console.environment.sources import EnvironmentSource, secrets_first
from console.lib.naming.names import ALL_BRANCHES
from console.models import Branch
from console.workflows.coverage import lacking
from console.workflows.deployments.effects import of_app as effects_of
from console.workflows.previews.copies import MarkedCopy, copies_of

# (noun of the source, key, branch id); None is All branches
Place = tuple[str, str, int | None]
ChangeCheck = Callable[[Place, OwnKey | None], bool]


class State(StrEnum):
    """What a scope has of a key."""

    OWN = "own"
    INHERITED = "inherited"
    MISSING = "missing"
    PENDING = "pending"  # its own, and not everywhere yet
    NONE = "none"

    @property
    def label(self) -> str:
        """Return the word that pages show."""
        return "Not set" if self is State.NONE else self.capitalize()

    @property
    def is_own(self) -> bool:
        """Return True if the scope has a value itself."""
        return self in _OWN


_OWN = {State.OWN, State.PENDING}


class Cell(NamedTuple):
    """A key in a scope. `pk` names the value that it gets (`OwnKey.pk`), None if it gets none.

    `offered` names the value that a preview would take from its source, which it doesn't get now.
    `copy` is set if its own value is a copy from there.
    """

    state: State
    pk: int | None
    is_changed: bool
    offered: int | None = None
    copy: MarkedCopy | None = None

    @property
    def word(self) -> str:
        """Return the word that pages show."""
        if self.copy is None or self.state is not State.OWN:
            return self.state.label
        return "Old copy" if self.copy.is_outdated else "Copy"


@dataclass(frozen=True)
class Row:
    """A key: its cell for All branches, then one per branch of the matrix.

    `tokens` are those of own values (`OwnKey.token`), "" for other cells. They change with what is
    learned about a value, such as when it was written, so they don't make two rows differ.
    """

    source: EnvironmentSource
    key: str
    cells: Sequence[Cell]
    tokens: Sequence[str] = field(compare=False)

    @cached_property
    def states(self) -> Sequence[State]:
        """Return the states of the branches."""
        return [cell.state for cell in self.cells[1:]]

    @property
    def pk(self) -> int:
        """Return the oldest value of the key."""
        return min(cell.pk for cell in self.cells if cell.pk is not None)

    @property
    def is_missing(self) -> bool:
        """Return True if any branch misses it."""
        return State.MISSING in self.states

    @property
    def is_overridden(self) -> bool:
        """Return True if a branch overrides the value for All branches."""
        return self.cells[0].state.is_own and any(state.is_own for state in self.states)

    @property
    def is_alone(self) -> bool:
        """Return True if exactly one branch has it."""
        return not self.cells[0].state.is_own and sum(it.is_own for it in self.states) == 1

    @property
    def is_pending(self) -> bool:
        """Return True if a value is pending."""
        return any(cell.state is State.PENDING for cell in self.cells)

    @property
    def is_offered(self) -> bool:
        """Return True if a preview would take it from its source, or has an old copy."""
        return any(cell.offered or (cell.copy and cell.copy.is_outdated) for cell in self.cells)

    @property
    def is_changed(self) -> bool:
        """Return True if it has changed in any scope."""
        return any(cell.is_changed for cell in self.cells)


@dataclass(frozen=True)
class Matrix:
    """The keys of an app, secrets first, and its branches, production first."""

    branches: Sequence[Branch]
    rows: Sequence[Row]
    previews: Mapping[int, Branch]  # the source of each preview, by the preview's id

    @property
    def production(self) -> Branch | None:
        """Return the production branch, which is the first one."""
        return next((it for it in self.branches if it.production), None)

    @property
    def scopes(self) -> Sequence[Branch | None]:
        """Return the scopes in the order of the cells. None is All branches."""
        return [None, *self.branches]

    @property
    def owned(self) -> Sequence[int]:
        """Return how many values each scope has itself."""
        return self._count({State.OWN, State.PENDING})

    @property
    def missing(self) -> Sequence[int]:
        """Return how many keys each scope misses."""
        return self._count({State.MISSING})

    def _count(self, wanted: Collection[State]) -> Sequence[int]:
        columns = zip(*([cell.state for cell in row.cells] for row in self.rows), strict=True)
        counts = [sum(state in wanted for state in states) for states in columns]
        return counts or [0] * len(self.scopes)


def of_app(access: Access, since: datetime | None = None) -> Matrix:
    """Return the matrix of an app, from the database alone. Takes up to ten queries.

    A cell is changed if its value is newer than `since`. None stands for the last deployment of the
    branch: nothing is changed in an app that isn't connected.
    """
    active = [branch for branch in access.branches if branch.deleted_at is None]
    branches = sorted(active, key=lambda branch: not branch.production)
    is_changed = _newer_than(since) if since else _waiting(access)
    ordered = secrets_first()
    own = {source.noun: source.own_keys(access) for source in ordered}
    keys = {source.noun: _by_key(own[source.noun], branches) for source in ordered}
    found = previews_of(access)
    previews = _Previews(found.sources, copies_of(access, own, found))
    rows = [
        row for source in ordered for row in _rows(source, keys, branches, previews, is_changed)
    ]
    return Matrix(branches, rows, found.sources)


@dataclass(frozen=True)
class _Previews:
    """The source of each preview, by the preview's id, and the copies that previews have."""

    sources: Mapping[int, Branch]
    copies: Mapping[tuple[str, int], MarkedCopy]

    def mark(
        self,
        cell: Cell,
        place: Place,
        own: Mapping[int | None, OwnKey],
        elsewhere: Collection[int | None],
    ) -> Cell:
        """Return the cell with what a preview would take, or with the copy that it has."""
        noun, _, pk = place
        if cell.state.is_own:
            return cell._replace(copy=self.copies.get((noun, cell.pk or 0)))
        if pk is None or pk not in self.sources or pk in elsewhere:
            return cell
        value = own.get(self.sources[pk].pk)
        return cell._replace(offered=value.pk if value else None)


def _newer_than(since: datetime) -> ChangeCheck:
    return lambda _, value: bool(value and value.changed_at and value.changed_at >= since)


def _waiting(access: Access) -> ChangeCheck:
    """Return a check for what takes effect at the next deployment, removals too."""
    waiting: set[Place] = set()
    for pk, state in effects_of(access).branches.items():
        for change in state.changes:
            waiting.add((change.noun, change.key, pk))
            if change.scope == ALL_BRANCHES:
                waiting.add((change.noun, change.key, None))
    return lambda place, _: place in waiting


def _by_key(
    values: Iterable[OwnKey], branches: Iterable[Branch]
) -> Mapping[str, Mapping[int | None, OwnKey]]:
    by_key: defaultdict[str, dict[int | None, OwnKey]] = defaultdict(dict)
    scopes = {None, *(branch.pk for branch in branches)}
    for value in values:
        if value.branch_id in scopes:
            by_key[value.key][value.branch_id] = value
    return by_key


def _rows(
    source: EnvironmentSource,
    keys: Mapping[str, Mapping[str, Mapping[int | None, OwnKey]]],
    branches: Sequence[Branch],
    previews: _Previews,
    is_changed: ChangeCheck,
) -> Iterator[Row]:
    others = [by_key for noun, by_key in keys.items() if noun != source.noun]
    for key, own in keys[source.noun].items():
        elsewhere = {scope for by_key in others for scope in by_key.get(key, ())}
        missing = lacking(own.keys(), branches, elsewhere)
        ids = (None, *(branch.pk for branch in branches))
        places = [(source.noun, key, pk) for pk in ids]
        cells = [_cell(place, own, missing, is_changed) for place in places]
        if previews.sources or previews.copies:
            marked = zip(cells, places, strict=True)
            cells = [previews.mark(cell, place, own, elsewhere) for cell, place in marked]
        yield Row(source, key, cells, [own[pk].token if pk in own else "" for pk in ids])


def _cell(
    place: Place,
    own: Mapping[int | None, OwnKey],
    missing: Collection[int | None],
    is_changed: ChangeCheck,
) -> Cell:
    branch_id = place[2]
    if value := own.get(branch_id):
        state = State.PENDING if value.is_pending else State.OWN
    elif value := own.get(None):
        state = State.INHERITED
    else:
        state = State.MISSING if branch_id in missing else State.NONE
    return Cell(state, value.pk if value else None, is_changed(place, value))
