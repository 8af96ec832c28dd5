"""The page, what a comparison of secrets adds to it, and its states as a file."""

from collections.abc import Sequence, Set
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.environment.sources import sources
from console.lib.text import csv
from console.pages.compare import removing
from console.pages.compare.filters import DIFFERENT, Query, chips, filters, shown
from console.pages.compare.table import groups, heads
from console.web.change_sets import change_set_token
from console.web.htmx import wants_fragment
from console.web.kit import app_context, page_with_form
from console.web.lists.listing import writable_scopes
from console.workflows import comparing
from console.workflows import matrix as matrices
from console.workflows.matrix import Cell, Matrix, Place, Row


@page_with_form
def compare(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show which branch has which key. A post compares the secrets that are shown, too."""
    access = find_app(from_request(request), app_id)
    query = _query(request, access)
    matrix = matrices.of_app(access, query.moment)
    different = comparing.different_variables(access, matrix)
    if request.method == "POST":
        return _compare_secrets(request, access, query, matrix, different)
    context = _context(access, query, matrix, different)
    context["is_fragment"] = wants_fragment(request)
    part = "#matrix" if context["is_fragment"] else ""
    return render(request, f"console/compare.html{part}", context)


def _compare_secrets(
    request: HttpRequest, access: Access, query: Query, matrix: Matrix, different: Set[Place]
) -> HttpResponse:
    planned = comparing.plan(access, matrix, _to_compare(query, matrix, different))
    if planned.is_too_large:
        context = _context(access, query, matrix, different)
        return render(request, "console/compare.html", context, status=422)
    result = comparing.compare(access, matrix, planned)
    different |= result.different
    context = _context(access, query, matrix, different, form="compare-values")
    context |= {"compared": planned, "findings": result.findings}
    context["now"] = timezone.now()
    response = render(request, "console/compare.html", context)
    response["Cache-Control"] = "no-store"  # the result is stored nowhere
    return response


@require_POST
def check(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Check the app against its stores, and send the matrix if that changed it (otherwise 204).

    Without JavaScript, a post returns to the page.
    """
    access = find_app(from_request(request), app_id)
    query = _query(request, access)
    before = matrices.of_app(access, query.moment)
    for source in sources():
        source.check(access)
    if not wants_fragment(request):
        return redirect("compare", app_id=app_id)
    access = find_app(access.actor, app_id)
    matrix = matrices.of_app(access, query.moment)
    if matrix == before:
        return HttpResponse(status=204)
    different = comparing.different_variables(access, matrix)
    context = _context(access, query, matrix, different)
    context["is_fragment"] = True
    return render(request, "console/compare.html#matrix", context)


def _query(request: HttpRequest, access: Access) -> Query:
    is_connected = getattr(access.app, "connection", None) is not None
    return Query.of(request.GET.dict(), is_connected=is_connected)


def _to_compare(query: Query, matrix: Matrix, different: Set[Place]) -> Sequence[Row]:
    """Return the rows that a comparison is about: it decides itself which are different."""
    found = query.found(matrix.rows)
    if query.show == DIFFERENT:
        return found
    return shown(query, filters(matrix, query, different), found)


def _context(
    access: Access, query: Query, matrix: Matrix, different: Set[Place], form: str = ""
) -> dict[str, Any]:
    offered, found = filters(matrix, query, different), query.found(matrix.rows)
    rows = shown(query, offered, found)
    return {
        **app_context(access, "compare"),
        "scope_choices": writable_scopes(access, access.branches),
        "change_set": change_set_token(access, removing.PURPOSE),
        "query": query,
        "matrix": matrix,
        "kinds": _kinds(matrix),
        "chips": chips(query, offered, found, form=form),
        "heads": heads(matrix),
        "groups": [*groups(access, matrix, rows, different)],
        "shown": len(rows),
        "plan": comparing.plan(access, matrix, _to_compare(query, matrix, different)),
        "max_values": comparing.MAX_VALUES,
    }


def _kinds(matrix: Matrix) -> list[tuple[str, str, int]]:
    """Return the choices of the kind: noun, label and number of keys."""
    nouns = [row.source.noun for row in matrix.rows]
    kinds = [(noun, f"{noun.capitalize()}s", nouns.count(noun)) for noun in dict.fromkeys(nouns)]
    return [("", "All", len(nouns)), *kinds]


@require_safe
def export(request: HttpRequest, app_id: str) -> HttpResponse:
    """Download the states as filtered. They hold no value."""
    access = find_app(from_request(request), app_id)
    query = _query(request, access)
    matrix = matrices.of_app(access, query.moment)
    different = comparing.different_variables(access, matrix)
    rows = shown(query, filters(matrix, query, different), query.found(matrix.rows))
    header = ["Kind", "Key", *(csv.escape_cell(head.name) for head in heads(matrix))]
    text = "".join(csv.lines(header, map(_cells, rows)))
    response = HttpResponse(text, content_type=csv.CONTENT_TYPE)
    name = f"states-{app_id}.csv"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _cells(row: Row) -> list[str]:
    return [row.source.noun, row.key, *map(_state, row.cells)]


def _state(cell: Cell) -> str:
    marks = [(cell.is_changed, "changed"), (cell.offered, "to copy")]
    return ", ".join([cell.word, *(mark for is_marked, mark in marks if is_marked)])
