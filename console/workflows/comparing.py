"""Compare the values in a matrix with those of the production branch, without showing them.

Every member may compare variables. Comparing secrets is an act: both scopes need the permission to
reveal, each value is audited before it is read, and the result is stored nowhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from console.access import acts
from console.access.actions import Action
from console.access.policy import Access, Permission
from console.audit.events import Target
from console.audit.refusals import recording_denial
from console.environment.sources import EnvironmentSource
from console.environment.typed_values import risks
from console.models import Branch, scope_name
from console.workflows.matrix import Cell, Matrix, Place, Row

SAME = "has the same value"
MAX_VALUES = 500  # that are read at a time: fifty calls of the store

Values = Mapping[tuple[str, int], str | None]  # by noun and what names the value


class Pair(NamedTuple):
    """A value that a scope gets, and the one that production gets, in another scope."""

    source: EnvironmentSource
    key: str
    scope: Branch | None
    pks: tuple[int, int]
    owners: tuple[Branch | None, Branch | None]  # the scopes that the values are set in

    @property
    def ids(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return what names the two values among those of all sources."""
        return (self.source.noun, self.pks[0]), (self.source.noun, self.pks[1])

    @property
    def place(self) -> Place:
        """Return the place in the matrix."""
        return self.source.noun, self.key, self.scope.pk if self.scope else None


@dataclass(frozen=True)
class Plan:
    """What comparing secrets would read. `left_out` names scopes that the actor may not compare."""

    pairs: Sequence[Pair]
    left_out: Sequence[str]
    is_denied: bool  # the actor may reveal nothing in this app
    is_protected: bool  # it asks for re-authentication

    @property
    def count(self) -> int:
        """Return how many values it reads."""
        return len({(pair.source.noun, pk) for pair in self.pairs for pk in pair.pks})

    @property
    def is_too_large(self) -> bool:
        """Return True if these are more than MAX_VALUES."""
        return self.count > MAX_VALUES


class Finding(NamedTuple):
    """A warning on a compared secret, without its value. `words` follow the key and scopes."""

    key: str
    scopes: Sequence[str]
    words: str


@dataclass(frozen=True)
class Compared:
    """What a comparison of secrets found. Nothing of it is stored."""

    different: Set[Place]
    findings: Sequence[Finding]


def different_variables(access: Access, matrix: Matrix) -> set[Place]:
    """Return where variables differ from those of production. Takes one query."""
    pairs = (pair for pair in _pairs(matrix, matrix.rows) if not pair.source.is_confidential)
    found = [*pairs]
    return _different(found, _values(access, found))


def plan(access: Access, matrix: Matrix, rows: Iterable[Row]) -> Plan:
    """Return what comparing the secrets in these rows would read."""
    decisions = {scope: access.decide(Permission.REVEAL, scope) for scope in matrix.scopes}
    pairs = [pair for pair in _pairs(matrix, rows) if pair.source.is_confidential]
    allowed = [it for it in pairs if all(decisions[owner].allowed for owner in it.owners)]
    left_out = {
        it.scope for it in pairs if not all(decisions[owner].allowed for owner in it.owners)
    }
    return Plan(
        allowed,
        [scope_name(scope) for scope in matrix.scopes if scope in left_out],
        not any(decision.allowed for decision in decisions.values()),
        any(decisions[owner].is_protected for it in allowed for owner in it.owners),
    )


def compare(access: Access, matrix: Matrix, planned: Plan) -> Compared:
    """Return where secrets differ from those of production, and warnings.

    Raises PermissionDenied, ConfirmationRequired, and the errors of the sources' stores.
    """
    if planned.is_denied:
        target = Target(access.app.app_id)
        with recording_denial(access.actor, Action.SECRET_COMPARED, target):
            acts.require(access, Action.SECRET_COMPARED, matrix.production)
    values = _values(access, planned.pairs)
    found = [*_same(matrix, planned.pairs, values), *_risky(access, planned.pairs, values)]
    return Compared(_different(planned.pairs, values), sorted(found))


def _same(matrix: Matrix, pairs: Iterable[Pair], values: Values) -> Iterator[Finding]:
    """Yield secrets of production whose value other scopes have, too.

    A value for All branches that production inherits is shared on purpose.
    """
    scopes: dict[str, list[str]] = {}
    for pair in pairs:
        is_own = matrix.production is not None and pair.owners[1] == matrix.production
        if is_own and None is not values[pair.ids[0]] == values[pair.ids[1]]:
            scopes.setdefault(pair.key, []).append(scope_name(pair.owners[0]))
    for key, names in scopes.items():
        yield Finding(key, [scope_name(matrix.production), *dict.fromkeys(names)], SAME)


def _risky(access: Access, pairs: Iterable[Pair], values: Values) -> Iterator[Finding]:
    """Yield what the remarks on the values say of their content and size, and of hosts."""
    scopes: dict[tuple[str, str], list[str]] = {}
    for pair in pairs:
        # Production first
        for id_, owner in zip(reversed(pair.ids), reversed(pair.owners), strict=True):
            value = values[id_] or ""
            for words in filter(None, risks(access, pair.source.remarks, owner, pair.key, value)):
                scopes.setdefault((pair.key, words), []).append(scope_name(owner))
    for (key, words), names in scopes.items():
        yield Finding(key, [*dict.fromkeys(names)], words)


def _pairs(matrix: Matrix, rows: Iterable[Row]) -> Iterator[Pair]:
    if matrix.production is None:
        return
    for row in rows:
        theirs = row.cells[1]  # production's, which is the first branch
        if theirs.pk is None:
            continue
        owner = _owner(matrix.production, theirs)
        for scope, cell in zip(matrix.scopes, row.cells, strict=True):
            if cell.pk not in {None, theirs.pk}:
                pks = (cell.pk, theirs.pk)
                yield Pair(row.source, row.key, scope, pks, (_owner(scope, cell), owner))


def _owner(scope: Branch | None, cell: Cell) -> Branch | None:
    return scope if cell.state.is_own else None


def _values(access: Access, pairs: Sequence[Pair]) -> Values:
    """Return the values that the pairs name. None is one that was removed a moment ago."""
    values: dict[tuple[str, int], str | None] = {id_: None for pair in pairs for id_ in pair.ids}
    for source in {pair.source.noun: pair.source for pair in pairs}.values():
        pks = {pk for pair in pairs if pair.source is source for pk in pair.pks}
        read = source.values(access, pks, Action.SECRET_COMPARED)
        values |= {(source.noun, pk): it.text for pk, it in read.items()}
    return values


def _different(pairs: Iterable[Pair], values: Values) -> set[Place]:
    return {it.place for it in pairs if values[it.ids[0]] != values[it.ids[1]]}
