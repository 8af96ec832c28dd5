"""Keys that the branch of a list lacks, compared with production. They have no row in a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from console.access.policy import Access, Permission
from console.models import Branch
from console.web.lists.filters import MISSING
from console.web.lists.listing import Query
from console.workflows.coverage import coverage, own_keys


@dataclass(frozen=True, slots=True)
class MissingRow:
    """A key that a branch lacks. `where` says who has it."""

    key: str
    branch: Branch
    where: str
    may_add: bool


def missing_rows(
    access: Access, noun: str, query: Query, chosen: Branch | None
) -> list[MissingRow] | None:
    """Return what the chosen branch lacks, None without one. Takes one query of each source."""
    if chosen is None or chosen.deleted_at is not None:
        return None
    keys = own_keys(access)
    lacking = coverage(noun, keys, access.branches).missing[chosen.pk]
    live = {it.pk: it for it in access.branches if it.deleted_at is None}
    holders: dict[str, list[Branch]] = {}
    for row in keys[noun]:
        if row.key in lacking and row.branch_id in live:
            holders.setdefault(row.key, []).append(live[row.branch_id])
    may_add = access.may_on(Permission.WRITE, chosen)
    return [
        MissingRow(key, chosen, _where(holders[key]), may_add)
        for key in sorted(lacking)
        if query.q.casefold() in key.casefold()
    ]


def _where(holders: Sequence[Branch]) -> str:
    first, *others = sorted(holders, key=lambda branch: (not branch.production, branch.sort_key))
    if not others:
        return f"Only {first.name} has it"
    more = others[0].name if len(others) == 1 else f"{len(others)} other branches"
    return f"{first.name} and {more} have it"


class _Joined:
    """The stored rows of a list, and then its missing ones."""

    def __init__(
        self, rows: QuerySet[Any, Any], stored: int, missing: Sequence[MissingRow]
    ) -> None:
        self._rows, self._stored, self._missing = rows, stored, missing

    def __len__(self) -> int:
        return self._stored + len(self._missing)

    def __getitem__(self, part: slice) -> list[Any]:
        start, stop = (max(0, end - self._stored) for end in (part.start, part.stop))
        return [*self._rows[part], *self._missing[start:stop]]


def page_of(
    query: Query, rows: QuerySet[Any, Any], stored: int, missing: Iterable[MissingRow] | None
) -> Page[Any]:
    """Return the requested page of rows, of which there are `stored`, before the missing ones."""
    shown = [*missing] if missing and query.only in {"", MISSING} else []
    joined = _Joined(rows, stored, shown)
    return Paginator(joined, query.per_page).get_page(query.page)  # type: ignore[arg-type]  # sliced
