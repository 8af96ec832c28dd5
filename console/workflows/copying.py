"""Copy values of a matrix to other scopes.

The plan reads no secret. Copying reads each, which needs the permission to reveal it and is
audited as that, then writes it as an import does: each copy is permitted and audited by itself.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from console.access.actions import Action
from console.access.policy import Access, Permission
from console.environment.importing import ImportRow
from console.environment.keys import ReadValue
from console.environment.sources import EnvironmentSource
from console.lib.results import Result, RowOutcome
from console.lib.text.dotenv import Entry
from console.models import Branch, PreviewCopy
from console.workflows import importing
from console.workflows.importing import Choice, Line
from console.workflows.matrix import Matrix
from console.workflows.previews import copies

GONE = "The value to copy was removed. Nothing was written."
_UNREAD = "stored"  # stands for a secret in the plan: it was valid when it was stored


@dataclass(frozen=True)
class Value:
    """A value to copy. `pk` is of its `OwnKey`, and `owner` the scope that it is set in."""

    source: EnvironmentSource
    key: str
    pk: int
    owner: Branch | None

    @property
    def name(self) -> tuple[str, str]:
        """Return what is unique among values that are copied together."""
        return self.source.noun, self.key


@dataclass(frozen=True)
class Copy:
    """What copying a value to a scope would do. `refusal` says why it can't be copied, or "".

    `known_to` are people who left and know the value.
    """

    value: Value
    line: Line
    refusal: str
    known_to: Sequence[str]


def values_of(matrix: Matrix, wanted: Collection[tuple[str, int]]) -> list[Value]:
    """Return the wanted values (noun, `OwnKey.pk`) that the matrix has, one per key."""
    found: dict[tuple[str, str], Value] = {}
    for row in matrix.rows:
        for scope, cell in zip(matrix.scopes, row.cells, strict=True):
            if cell.pk is not None and (row.source.noun, cell.pk) in wanted:
                owner = scope if cell.state.is_own else None
                value = Value(row.source, row.key, cell.pk, owner)
                found.setdefault(value.name, value)
    return [*found.values()]


def plan(access: Access, values: Sequence[Value], scopes: Sequence[Branch | None]) -> list[Copy]:
    """Return what copying each value to each scope would do. Raises dotenv.Refused for too many."""
    copies = []
    for source in {value.source.noun: value.source for value in values}.values():
        own = {value.key: value for value in values if value.source is source}
        known = source.known_to(access, {value.pk for value in own.values()})
        texts = {} if source.is_confidential else _read(access, source, own.values())
        entries = [
            Entry(key, texts[it.pk].text, 0) if it.pk in texts else Entry(key, _UNREAD, 0, True)
            for key, it in own.items()
        ]
        lines = importing.preview(access, entries, Choice(scopes, dict.fromkeys(own, source.noun)))
        copies += [
            Copy(value, line, _refusal(access, value, line), known.get(value.pk, ()))
            for line in lines
            for value in [own[line.planned.key]]
            if line.planned.branch != value.owner
        ]
    return copies


def _refusal(access: Access, value: Value, line: Line) -> str:
    if value.source.is_confidential and not access.may_on(Permission.REVEAL, value.owner):
        return "Your role doesn't allow revealing this value, so you can't copy it."
    return line.planned.refusal


def _read(
    access: Access, source: EnvironmentSource, values: Collection[Value]
) -> Mapping[int, ReadValue]:
    return source.values(access, {value.pk for value in values}, Action.SECRET_REVEALED)


@dataclass(frozen=True)
class Target:
    """Where to write a value, if that is still as it was planned. `token` names it in a form."""

    token: str
    value: Value
    branch_id: int | None
    expected_version: int
    revision: int | None


def copy(
    access: Access,
    targets: Sequence[Target],
    change_set: UUID,
    *,
    may_go_on: Callable[[], bool],
) -> list[RowOutcome]:
    """Read the values and write them, as `importing.save` does.

    Each save names the event of its read, so that Known secrets can tell that the values are the
    same. What a preview gets from its source is marked as a copy. Raises PermissionDenied,
    ConfirmationRequired, and the errors of the sources' stores: then nothing was written.
    """
    places = [(it.value.source.noun, it.value.key, it.value.pk, it.branch_id) for it in targets]
    marks = copies.prepare(access, places, change_set)
    found: dict[tuple[str, int], ReadValue] = {}
    for source in {it.value.source.noun: it.value.source for it in targets}.values():
        own = [it.value for it in targets if it.value.source is source]
        found |= {(source.noun, pk): value for pk, value in _read(access, source, own).items()}
    rows = [
        (
            it.value.source.noun,
            ImportRow(
                it.token,
                it.value.key,
                it.branch_id,
                read.text,
                it.expected_version,
                it.revision,
                read.event,
            ),
        )
        for it in targets
        if (read := found.get((it.value.source.noun, it.value.pk)))
    ]
    PreviewCopy.objects.bulk_create(marks)
    saved = {it.token: it for it in importing.save(access, rows, change_set, may_go_on=may_go_on)}
    copies.confirm(
        access,
        marks,
        {
            (it.value.source.noun, it.branch_id, it.value.key): saved[it.token]
            for it in targets
            if it.branch_id and it.token in saved
        },
    )
    return [saved.get(it.token) or RowOutcome(it.token, Result.REFUSED, GONE) for it in targets]
