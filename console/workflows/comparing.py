"""Compare the values in a matrix with those of the production branch, without showing them.

Every member may compare variables. Comparing secrets is an act: both scopes need the permission to
reveal, each value is audited before it is read, and the result is stored nowhere.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from console.access import acts
from console.access.actions import Action
from console.access.policy import Access, Permission
from console.audit.events import Target
from console.audit.refusals import recording_denial
from console.environment.sources import EnvironmentSource
from console.models import Branch, scope_name
from console.workflows.matrix import Cell, Matrix, Place, Row

MAX_VALUES = 500  # that are read at a time: fifty calls of the store


class Pair(NamedTuple):
    """A value that a scope gets, and the one that production gets, in another scope."""

    source: EnvironmentSource
    key: str
    scope: Branch | None
    pks: tuple[int, int]
    owners: tuple[Branch | None, Branch | None]  # the scopes that the values are set in

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


def different_variables(access: Access, matrix: Matrix) -> set[Place]:
    """Return where variables differ from those of production. Takes one query."""
    pairs = (pair for pair in _pairs(matrix, matrix.rows) if not pair.source.is_confidential)
    return _different(access, [*pairs])


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


def compare(access: Access, matrix: Matrix, planned: Plan) -> set[Place]:
    """Return where secrets differ from those of production.

    Raises PermissionDenied, ConfirmationRequired, and the errors of the sources' stores.
    """
    if planned.is_denied:
        target = Target(access.app.app_id)
        with recording_denial(access.actor, Action.SECRET_COMPARED, target):
            acts.require(access, Action.SECRET_COMPARED, matrix.production)
    return _different(access, planned.pairs)


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


def _different(access: Access, pairs: Sequence[Pair]) -> set[Place]:
    found: set[Place] = set()
    for source in {pair.source.noun: pair.source for pair in pairs}.values():
        own = [pair for pair in pairs if pair.source is source]
        pks = {pk for pair in own for pk in pair.pks}
        read = source.values(access, pks, Action.SECRET_COMPARED)
        values = {pk: it.text for pk, it in read.items()}
        found |= {it.place for it in own if values.get(it.pks[0]) != values.get(it.pks[1])}
    return found
