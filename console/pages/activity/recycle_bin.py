"""The recycle bin: removed secrets and variables, to restore or to delete for good."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.lib.naming.names import ALL_BRANCHES
from console.lib.naming.natural import natural_key
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import field
from console.lib.service_calls import ServiceError
from console.web.change_sets import undo_address
from console.web.kit import app_context, branch_id_from
from console.web.lists.listing import ONLY_ALL_BRANCHES, Query, filter_choices, writable_scopes
from console.web.lists.tables import Column
from console.workflows import recycle_bin
from console.workflows.recycle_bin import BinRow

PER_PAGE = 50
NO_LONGER_THERE = "This is no longer in the recycle bin. Somebody restored or deleted it."


COLUMNS = (
    Column("key", "Key", sort="key"),
    Column("branch", "Branch", sort="branch"),
    Column("removed", "Removed", sort="removed"),
    Column("left", "Time left", sort="left"),
    Column("actions", "Actions", quiet=True, more_classes="end"),
)
_SORTS: dict[str, Callable[[BinRow], object]] = {
    "key": lambda row: row.value.key,
    "branch": lambda row: (bool(row.value.branch or row.value.path), natural_key(row.value.scope)),
    "removed": lambda row: row.value.removed_at,
    "left": lambda row: row.value.expires_at,
}


@dataclass(frozen=True)
class _Order:
    """The order of the table, as `rows/head.jinja` shows it."""

    sort: str
    query: Query
    columns: Sequence[Column] = COLUMNS

    @classmethod
    def of(cls, sort: str, query: Query) -> "_Order":
        """Return the requested order, otherwise the least time left first."""
        return cls(sort if sort.removeprefix("-") in _SORTS else "left", query)

    def address(self, sort: str) -> str:
        """Return the query string for another order of the same rows."""
        found = {"q": self.query.q, "branch": self.query.branch, "sort": sort}
        return "?" + urlencode({name: value for name, value in found.items() if value})

    def sorted(self, rows: Iterable[BinRow]) -> list[BinRow]:
        """Return the rows in this order. Equal ones stay as they are."""
        key: Any = _SORTS[self.sort.removeprefix("-")]
        return sorted(rows, key=key, reverse=self.sort.startswith("-"))


@require_safe
def recycle_bin_page(request: HttpRequest, app_id: str) -> HttpResponse:
    """List what was removed. With `?delete=` or `?restore=` naming a row, ask below that row."""
    access = find_app(from_request(request), app_id)
    rows = recycle_bin.rows_of(access)
    query = Query.of(request.GET.dict())
    order = _Order.of(request.GET.get("sort", ""), query)
    found = order.sorted(row for row in rows if _matches(row, query))
    asked = request.GET.get("restore") or request.GET.get("delete")
    places = (number for number, row in enumerate(found) if row.name == asked)
    number = next((place // PER_PAGE + 1 for place in places), request.GET.get("page", "1")[:9])
    page = Paginator(found, PER_PAGE).get_page(number)
    shown = recycle_bin.with_people(access, [*page])
    branches = {row.value.branch.pk: row.value.branch for row in rows if row.value.branch}
    context = {
        **app_context(access, "bin"),
        "page": page,
        "rows": shown,
        "has_known": any(row.known_to and row.may_write for row in shown),
        "order": order,
        "col": {column.key: column.cell for column in COLUMNS},
        "q": query.q,
        "chosen": query.branch,
        "branches": filter_choices(sorted(branches.values(), key=lambda it: bytes(it.sort_key))),
        "days": settings.BIN_DAYS,
        **_asked(request, access, shown),
    }
    return render(request, "console/bin.html", context)


def _matches(row: BinRow, query: Query) -> bool:
    value, words = row.value, query.q.casefold()
    texts = (value.key, value.scope, value.removed_by)
    branch_id = str(value.branch.pk) if value.branch else "" if value.path else ONLY_ALL_BRANCHES
    is_on = not query.branch or query.branch == branch_id
    return is_on and any(words in text.casefold() for text in texts)


def _asked(request: HttpRequest, access: Access, rows: list[BinRow]) -> dict[str, Any]:
    """Return what the page asks about one of its rows."""
    names = {row.name: row for row in rows if row.may_write}
    deleting, restoring = (names.get(request.GET.get(it, "")) for it in ("delete", "restore"))
    if restoring and restoring.deleted_branch:
        return {"restoring": restoring, "scopes": _scopes(access, restoring)}
    return {"deleting": deleting}


def _scopes(access: Access, row: BinRow) -> list[tuple[str, str]]:
    """Return where a value of a deleted branch can be restored, its own branch first."""
    branch = row.deleted_branch
    live = [it for it in access.branches if it.deleted_at is None]
    choices = writable_scopes(access, live)
    if branch and access.may(Permission.MANAGE):
        return [(str(branch.pk), f"{branch.name} (add the branch again)"), *choices]
    return choices


@require_POST
def bin_restore(request: HttpRequest, app_id: str, noun: str, pk: int) -> HttpResponseBase:
    """Restore a removed value at once. If its branch was deleted, ask where."""
    access = find_app(from_request(request), app_id)
    row = recycle_bin.find_row(access, noun, pk)
    back = reverse("bin", args=[app_id])
    if row is None:
        messages.info(request, NO_LONGER_THERE)
        return redirect(back)
    if row.deleted_branch and "to" not in request.POST:
        return redirect(f"{back}?restore={row.name}")
    change_set = uuid.uuid4()
    try:
        outcome = _restore(request, access, row, change_set)
    except ServiceError as error:
        messages.error(request, f"{row.value.key} was not restored. {error.message}")
    except ValidationError as refusal:
        messages.error(request, f"{row.value.key} was not restored. {' '.join(refusal.messages)}")
    else:
        undo = undo_address(access, change_set)
        _tell(request, row, outcome, _place(access, request, row), undo)
    return redirect(back)


def _restore(
    request: HttpRequest, access: Access, row: BinRow, change_set: uuid.UUID
) -> RowOutcome:
    own = row.value.branch.pk if row.value.branch else None
    to = branch_id_from(request.POST, "to") if "to" in request.POST else own
    base = field(request.POST, "base") if to == own else ""
    return recycle_bin.restore(access, row, change_set, to=to, base=base)


def _place(access: Access, request: HttpRequest, row: BinRow) -> str:
    if row.value.path:
        return row.value.path
    if "to" not in request.POST:
        return row.value.scope
    chosen = request.POST["to"]
    return next((it.name for it in access.branches if str(it.pk) == chosen), ALL_BRANCHES)


def _tell(request: HttpRequest, row: BinRow, outcome: RowOutcome, place: str, undo: str) -> None:
    """Say how a restore ended."""
    key = row.value.key
    if outcome.outcome in DONE:
        preposition = "at" if row.value.path else "for" if place == ALL_BRANCHES else "on"
        text = f"Restored {key} {preposition} {place}. {outcome.message}".strip()
        messages.success(request, text, extra_tags=undo)
    elif outcome.outcome is Result.UNKNOWN:
        messages.warning(request, outcome.message)
    else:
        messages.error(request, f"{key} was not restored. {outcome.message}")


@require_POST
def bin_delete(request: HttpRequest, app_id: str, noun: str, pk: int) -> HttpResponseBase:
    """Delete a removed value for good. The page has asked."""
    access = find_app(from_request(request), app_id)
    row = recycle_bin.find_row(access, noun, pk)
    if row is None:
        messages.info(request, NO_LONGER_THERE)
        return redirect("bin", app_id=app_id)
    try:
        row.source.bin.delete(access, pk)
    except Http404:
        messages.info(request, NO_LONGER_THERE)
    except ServiceError as error:
        messages.error(request, f"{row.value.key} was not deleted. {error.message}")
    else:
        messages.success(request, f"Deleted {row.value.key} for good.")
    return redirect("bin", app_id=app_id)
