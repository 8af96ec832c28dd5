"""The matrix as a table of links. Addresses are relative to the page, which has thousands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from django.urls import reverse

from console.access.policy import Access, Permission
from console.environment.sources import EnvironmentSource
from console.models import Branch, scope_name
from console.workflows.matrix import Cell, Matrix, Place, Row


@dataclass(frozen=True)
class Head:
    """The head of a column. `note` says how many keys the scope has or misses."""

    branch: Branch | None
    note: str
    is_bad: bool

    @property
    def name(self) -> str:
        """Return the scope's name."""
        return scope_name(self.branch)

    @property
    def id(self) -> str:
        """Return the branch's id, "" for All branches."""
        return str(self.branch.pk) if self.branch else ""


@dataclass(frozen=True)
class Line:
    """A row of the table. Each cell has CSS classes, an address or "", a word, and a token or "".

    The token is that of a value which the actor may remove.
    `id` stays the same while the key has any of its values. `edit` is where it can be added.
    """

    id: str
    key: str
    address: str
    edit: str
    cells: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Group:
    """The rows of one source."""

    source: EnvironmentSource
    lines: Sequence[Line]

    @property
    def label(self) -> str:
        """Return the plural of what it holds."""
        return f"{self.source.noun.capitalize()}s"


def heads(matrix: Matrix) -> list[Head]:
    """Return the heads of the columns."""
    own, missing = matrix.owned[0], matrix.missing[1:]
    values = Head(None, f"{own} value{'' if own == 1 else 's'}", False)
    return [
        values,
        *(
            Head(branch, f"{count} missing" if count else "Complete", count > 0)
            for branch, count in zip(matrix.branches, missing, strict=True)
        ),
    ]


@dataclass(frozen=True)
class Column:
    """A scope. `target` is its id, "" for All branches, or None if the actor may not add there."""

    branch_id: int | None
    target: str | None


def groups(
    access: Access, matrix: Matrix, rows: Iterable[Row], different: Set[Place]
) -> Iterator[Group]:
    """Return the rows, grouped by their source. `different` is where to say so."""
    columns = [_column(access, scope) for scope in matrix.scopes]
    root = reverse("overview", args=[access.app.app_id])
    for source, found in groupby(rows, key=lambda row: row.source):
        yield Group(source, [_line(access, root, row, columns, different) for row in found])


def _column(access: Access, scope: Branch | None) -> Column:
    branch_id = scope.pk if scope else None
    may_add = access.may_on(Permission.WRITE, scope)
    return Column(branch_id, str(branch_id or "") if may_add else None)


def _line(
    access: Access, root: str, row: Row, columns: Sequence[Column], different: Set[Place]
) -> Line:
    pks = {cell.pk for cell in row.cells if cell.pk is not None}
    values = {pk: _relative(root, row.source.url(access, pk)) for pk in pks}
    edit = _relative(root, row.source.edit_url(access, row.pk))
    cells = [
        (
            _classes(cell, (row.source.noun, row.key, column.branch_id) in different),
            _address(cell, values, edit, column.target),
            cell.word,
            "" if column.target is None else token,
        )
        for cell, token, column in zip(row.cells, row.tokens, columns, strict=True)
    ]
    return Line(f"{row.source.noun}-{row.pk}", row.key, values[row.pk], edit, cells)


def _relative(root: str, url: str) -> str:
    """Return an address of the app relative to this page, which is directly below the app's."""
    return f"../{url.removeprefix(root)}"


def _classes(cell: Cell, differs: bool) -> str:
    marks = [(cell.is_changed, " changed"), (differs, " differs"), (cell.offered, " offered")]
    return cell.state + "".join(mark for is_marked, mark in marks if is_marked)


def _address(cell: Cell, values: Mapping[int, str], edit: str, target: str | None) -> str:
    """Return the page of the value, or of adding it, or "" if the actor may not."""
    if cell.pk is not None:
        return values[cell.pk]
    return "" if target is None else f"{edit}?on={target}"
