"""Keys that the branch of a list lacks. They have no row in a table.

Production has them, or the branch is a preview and the branch that it takes from has them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.urls import reverse

from console.access.policy import Access, Permission
from console.catalog.previews import previews_of
from console.models import Branch
from console.web.lists.filters import MISSING
from console.web.lists.listing import Query
from console.workflows.coverage import coverage, own_keys
from console.workflows.previews.offers import Offer, offers


@dataclass(frozen=True, slots=True)
class MissingRow:
    """A key that a branch lacks. `where` says who has it.

    If it `is_offered`, the branch is a preview and would take it from there. `copy` is where to do
    that, "" if the actor may not.
    """

    key: str
    branch: Branch
    where: str
    may_add: bool
    is_offered: bool = False
    copy: str = ""


def missing_rows(
    access: Access, noun: str, query: Query, chosen: Branch | None
) -> list[MissingRow] | None:
    """Return what the chosen branch lacks, None without one.

    Takes one query of each source, and one more.
    """
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
    found = {key: MissingRow(key, chosen, _where(holders[key]), may_add) for key in lacking}
    if source := previews_of(access).sources.get(chosen.pk):
        for it in offers(keys, chosen, source):
            if it.noun == noun:
                found[it.value.key] = _offered(access, chosen, source, it, may_add=may_add)
    return [found[key] for key in sorted(found) if query.q.casefold() in key.casefold()]


def _offered(
    access: Access, chosen: Branch, source: Branch, offer: Offer, *, may_add: bool
) -> MissingRow:
    what = "overrides the value for All branches" if offer.is_shared else "has it"
    where = f"{source.name} {what}. Copy it to make it effective on {chosen.name}"
    address = reverse("preview", args=[access.app.app_id, chosen.pk]) if may_add else ""
    return MissingRow(offer.value.key, chosen, where, may_add, True, address)


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
