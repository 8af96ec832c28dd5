"""Lists of secrets and variables: query parameters, columns, rows and pages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.paginator import Page
from django.db.models import F, QuerySet
from django.http import Http404, QueryDict

from console.access.policy import Access, Permission, find_branch
from console.catalog.notes import notes_of
from console.db import text_times
from console.environment.warnings import AppWarning
from console.lib.naming.names import ALL_BRANCHES
from console.lib.results import RowOutcome
from console.lib.row_forms import NO_CHOICE, field
from console.models import App, Branch, KeyNote
from console.web.lists.chips import Chip
from console.web.lists.tables import Column
from console.workflows.previews.copies import MarkedCopy

PER_PAGE = (15, 50, 100)
ONLY_ALL_BRANCHES = "all"
LABELED = "label:"  # before the label that a list is filtered by
BRANCH_ORDER = F("branch__sort_key").asc(nulls_first=True)
SORTS: dict[str, tuple[Any, ...]] = {
    "branch": (BRANCH_ORDER, "key"),
    "-branch": (F("branch__sort_key").desc(nulls_last=True), "key"),
    "variable": ("key", BRANCH_ORDER),
    "-variable": ("-key", BRANCH_ORDER),
    "changed": (F("changed_at").asc(nulls_first=True), "key", BRANCH_ORDER),
    "-changed": (F("changed_at").desc(nulls_last=True), "key", BRANCH_ORDER),
}
SORT_WORDS = {
    "branch": "Branch",
    "-branch": "Branch (Z to A)",
    "variable": "Variable",
    "-variable": "Variable (Z to A)",
    "-changed": "Recently changed",
    "changed": "Least recently changed",
}
# In the order of the cells in the rows' templates
COLUMNS = (
    Column("branch", "Branch", sort="branch"),
    Column("key", "Variable", sort="variable"),
    Column("value", "Value"),
    Column("changed", "Last changed", sort="changed"),
    Column("edit", "Actions", quiet=True),
)
CHANGED = text_times.as_text("changed_at")  # SQLite and PostgreSQL agree on how it begins


@dataclass(frozen=True)
class Query:
    """The parameters of a list. Invalid ones fall back to their defaults.

    `chosen_sort` is "" if `sort` is the default of the page.
    """

    q: str = ""
    branch: str = ""
    only: str = ""
    sort: str = "branch"
    chosen_sort: str = ""
    page: str = "1"
    per_page: int = PER_PAGE[0]

    @classmethod
    def of(cls, parameters: Mapping[str, str], sort: str = "branch") -> "Query":
        """Parse a query string. `sort` is the page's default order."""
        requested, per_page = parameters.get("sort", ""), parameters.get("per_page", "")
        return cls(
            q=_searchable(parameters.get("q", "")),
            branch=parameters.get("branch", "")[:20],
            only=_searchable(parameters.get("only", "")),
            sort=requested if requested in SORTS else sort,
            chosen_sort=requested if requested in SORTS else "",
            page=parameters.get("page", "1")[:9],
            per_page=int(per_page) if per_page in map(str, PER_PAGE) else PER_PAGE[0],
        )

    def filter(self, **more: str) -> str:
        """Return the query string that shows the same rows in the list or in edit mode, or ""."""
        kept = {
            "q": self.q,
            "branch": self.branch,
            "only": self.only,
            "sort": self.chosen_sort,
            "per_page": str(self.per_page) if self.per_page != PER_PAGE[0] else "",
            "page": self.page if self.page != "1" else "",
            **more,
        }
        text = urlencode({name: value for name, value in kept.items() if value})
        return f"?{text}" if text else ""

    @property
    def label(self) -> str:
        """Return the label that the list is filtered by, or ""."""
        return self.only.removeprefix(LABELED) if self.only.startswith(LABELED) else ""

    def chosen(self, branches: Iterable[Branch]) -> Branch | None:
        """Return the branch that the list is filtered by, if any."""
        return next((branch for branch in branches if str(branch.pk) == self.branch), None)


@dataclass(slots=True, kw_only=True)
class Row:
    """What a list shows of a secret or a variable. `branch` is the name of the scope.

    `mark` says what must not be overlooked about that name (`Branch.mark`), or is "". `locked` says
    why the actor may neither change nor reveal it, and whom to ask; "" if they may.
    `origin` is "own" or "inherited" in a list of one branch's effective values, otherwise "".
    `changed` is a minute in UTC, such as "2026-01-31 14:03Z". `next_deployment` is True if a branch
    gets the value at its next deployment. `note` is the note and labels of the key, if there are
    any, and `warnings` are those that nobody dismissed. `copy_of` is set if it is a preview's copy,
    and `refresh_url` is where to bring that up to date, or "". `outcome` is set after a save.
    """

    pk: int
    key: str
    branch_id: int | None
    branch: str
    mark: str
    deleted: bool
    locked: str
    origin: str
    version: int
    changed: str
    changed_by: str
    next_deployment: bool = False
    note: KeyNote | None = None
    warnings: Sequence[AppWarning] = ()
    copy_of: MarkedCopy | None = None
    refresh_url: str = ""
    outcome: RowOutcome | None = None

    @property
    def may_write(self) -> bool:
        """Return True if the actor may change it."""
        return not self.locked


RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True)
class Listing(Generic[RowT]):
    """One page of rows."""

    rows: list[RowT]
    total: int
    number: int
    pages: int
    first: int
    last: int
    per_page: int
    sort: str
    q: str
    branch: str
    only: str
    branch_name: str
    branch_mark: str
    filter: str
    chips: Sequence[Chip]
    missing: Sequence[Any]
    per_page_choices: tuple[int, ...] = PER_PAGE
    columns: tuple[Column, ...] = COLUMNS

    @classmethod
    def of(
        cls,
        query: Query,
        page: Page[Any],
        rows: list[RowT],
        chosen: Branch | None,
        chips: Sequence[Chip] = (),
    ) -> "Listing[RowT]":
        """Return the page of `query` with its rows. `filter` is as in `Query`.

        `missing` are the rows of keys that the chosen branch lacks (console.web.lists.missing).
        """
        branch = query.branch if chosen or query.branch == ONLY_ALL_BRANCHES else ""
        return cls(
            rows=rows,
            total=page.paginator.count,
            number=page.number,
            pages=page.paginator.num_pages,
            first=page.start_index(),
            last=page.end_index(),
            per_page=query.per_page,
            sort=query.sort,
            q=query.q,
            branch=branch,
            only=query.only,
            branch_name=chosen.name if chosen else "",
            branch_mark=chosen.mark if chosen else "",
            filter=replace(query, branch=branch, page=str(page.number)).filter(),
            chips=chips,
            missing=[row for row in page.object_list if not isinstance(row, tuple)],
        )

    @property
    def chosen_chips(self) -> list[Chip]:
        """Return the chips for edit mode: the one that is set, to remove it."""
        return [chip for chip in self.chips if chip.is_current and self.only]

    def address(self, sort: str = "", page: int = 1) -> str:
        """Return the query string for another order or page of the same rows."""
        requested = {
            "q": self.q,
            "branch": self.branch,
            "only": self.only,
            "sort": sort or self.sort,
            "per_page": self.per_page if self.per_page != PER_PAGE[0] else "",
            "page": page if page > 1 else "",
        }
        return "?" + urlencode({name: value for name, value in requested.items() if value})


def add_notes(app: App, rows: Iterable[Row]) -> None:
    """Add the notes and labels to rows of a list. Takes one query."""
    rows = list(rows)
    notes = notes_of(app, {row.key for row in rows})
    for row in rows if notes else ():
        row.note = notes.get(row.key)


def branches_of_rows(access: Access, rows: QuerySet[Any]) -> list[Branch]:
    """Return the app's branches, but deleted ones only if one of the `rows` is on them."""
    branches = access.branches
    if all(branch.deleted_at is None for branch in branches):
        return branches
    used = set(rows.values_list("branch_id", flat=True).distinct())
    return [branch for branch in branches if branch.deleted_at is None or branch.pk in used]


def posted_filter(post: QueryDict) -> str:
    """Return the query string of the list that a form was posted from."""
    return Query.of(QueryDict(field(post, "query")).dict()).filter()


def filter_choices(branches: Iterable[Branch]) -> list[tuple[str, str]]:
    """Return the choices of the branch filter."""
    return [
        ("", "Any branch"),
        (ONLY_ALL_BRANCHES, "Shared only"),
        *((str(branch.pk), branch.label) for branch in branches),
    ]


def writable_scopes(access: Access, branches: Iterable[Branch]) -> list[tuple[str, str]]:
    """Return the scopes in which the actor may add a row, as form choices."""
    everywhere = [("", ALL_BRANCHES)] if access.may_on(Permission.WRITE, None) else []
    return everywhere + [
        (str(branch.pk), branch.label)
        for branch in branches
        if branch.deleted_at is None and access.may_on(Permission.WRITE, branch)
    ]


def override_choices(access: Access, taken: Collection[int | None]) -> list[tuple[str, str]]:
    """Return the branches on which the actor may add an override, as form choices.

    Leaves out the branches with an id in `taken`. Empty if there is none.
    """
    found = [
        (str(branch.pk), branch.label)
        for branch in access.branches
        if branch.deleted_at is None
        and branch.pk not in taken
        and access.may_on(Permission.WRITE, branch)
    ]
    return [(NO_CHOICE, "Choose a branch"), *found] if found else []


def only_choice(access: Access, branch_id: int | None) -> list[tuple[str, str]]:
    """Return one scope as the only form choice for a new row. None is All branches.

    Raises Http404, also for a deleted branch, and PermissionDenied.
    """
    branch = None if branch_id is None else find_branch(access, branch_id)
    if branch and branch.deleted_at:
        raise Http404("Branch not found.")
    access.require_on(Permission.WRITE, branch)
    return [(str(branch.pk), branch.label) if branch else ("", ALL_BRANCHES)]


def may_write_any(access: Access, branches: Iterable[Branch]) -> bool:
    """Return True if the actor may change anything, on a deleted branch too."""
    return any(access.may_on(Permission.WRITE, branch) for branch in (None, *branches))


def _searchable(text: str) -> str:
    """Return the text to search for. PostgreSQL rejects NUL, and no name contains one."""
    return text.strip()[:200].replace("\0", "\N{REPLACEMENT CHARACTER}")
