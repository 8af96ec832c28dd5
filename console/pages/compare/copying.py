"""Copy values to other scopes: choose them, see what would change, then copy.

One response makes a part of many copies, and its form goes on with the rest.
"""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action
from console.environment.importing import Change
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import known_base
from console.lib.text.dotenv import Refused
from console.models import scope_name
from console.pages.importing.forms import ImportForm, posted_text, row_text, scopes_of, token_of
from console.web.change_sets import change_set_of, change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import (
    app_context,
    done_before,
    find_app_to_change,
    page_with_form,
    response_deadline,
)
from console.web.lists.listing import writable_scopes
from console.web.repeats import save_rows_once
from console.workflows import copying
from console.workflows import matrix as matrices
from console.workflows.copying import Copy, Target, Value
from console.workflows.importing import Line
from console.workflows.matrix import Matrix

PART = 50  # copies in one response, whose secrets are read once
MAX_COPIES = 800  # copies; each is a field of the preview
TOO_MANY = (
    f"This would make {{:,}} copies; the limit is {MAX_COPIES}. Choose fewer keys or branches."
)
CHOOSE = "Choose at least one key, and a branch to copy to."
CHOOSE_ROWS = "Choose at least one value to copy."
STALE = "The app's path profile changed after you opened this page. Nothing was copied. Try again."
_VALUE = re.compile(r"([a-z]{1,20}):([1-9][0-9]{0,14})\Z", re.ASCII)


@page_with_form
def copy(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Offer keys and scopes, preview the copies, or make them."""
    if request.method != "POST":
        access = find_app(from_request(request), app_id)
        access.require_writer()
        return _choose(request, access, matrices.of_app(access))
    access = find_app_to_change(request, app_id, Action.SECRET_CREATED)
    matrix = matrices.of_app(access)
    values = copying.values_of(matrix, _wanted(request))
    try:
        if request.POST.get("action") == "save":
            return _save(request, access, values)
        return _preview(request, access, values)
    except Refused as refusal:
        return _choose(request, access, matrix, refusal)


def _wanted(request: HttpRequest) -> set[tuple[str, int]]:
    data = request.POST if request.method == "POST" else request.GET
    return {(m[1], int(m[2])) for m in map(_VALUE.match, data.getlist("value")) if m}


def _choose(
    request: HttpRequest, access: Access, matrix: Matrix, refusal: Refused | None = None
) -> HttpResponse:
    """Offer the keys of one scope, at first those of the production branch."""
    names = ["all" if scope is None else str(scope.pk) for scope in matrix.scopes]
    default = names[1] if matrix.production else names[0]
    chosen = request.GET.get("from", default)
    column = names.index(chosen) if chosen in names else 0
    wanted = _wanted(request)
    cells = [(row, row.cells[column]) for row in matrix.rows]
    scopes = zip(names, matrix.scopes, strict=True)
    context = {
        **app_context(access, "compare"),
        "choices": [(name, scope_name(scope)) for name, scope in scopes],
        "chosen": names[column],
        "origin": scope_name(matrix.scopes[column]),
        "offered": [
            (f"{row.source.noun}:{cell.pk}", row, (row.source.noun, cell.pk) in wanted)
            for row, cell in cells
            if cell.pk is not None
        ],
        "scope_choices": writable_scopes(access, access.branches),
        "scopes": request.POST.getlist("scope"),
        "refusal": refusal,
    }
    status = 422 if refusal else 200
    return render(request, "console/copy_choose.html", context, status=status)


def _preview(
    request: HttpRequest,
    access: Access,
    values: Sequence[Value],
    outcomes: Sequence[RowOutcome] = (),
) -> HttpResponse:
    if not values or not request.POST.getlist("scope"):
        raise Refused(CHOOSE)
    copies = copying.plan(access, values, scopes_of(request.POST, access))
    if len(copies) > MAX_COPIES:
        raise Refused(TOO_MANY.format(len(copies)))
    failed = {it.token: it for it in outcomes if it.outcome not in DONE}
    rows = [_row(it, failed) for it in copies]
    context = {
        "rows": rows,
        "has_known": any(row["known_to"] for row in rows),
        "is_protected": any(_is_protected(access, it) for it in values),
        "has_secrets": any(it.source.is_confidential for it in values),
        "change_set": change_set_token(access, access.app.path_profile),
        "failed": len(failed),
        "saved": done_before(request) + len(outcomes) - len(failed),
    }
    return _form(request, access, values, context, status=422 if failed else 200)


def _form(
    request: HttpRequest,
    access: Access,
    values: Sequence[Value],
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """Show the preview, or how far the copies are."""
    context |= {
        **app_context(access, "compare"),
        "values": [f"{it.source.noun}:{it.pk}" for it in values],
        "scopes": request.POST.getlist("scope"),
    }
    if wants_fragment(request):  # htmx swaps in a fragment only if it is a success
        return render(request, "console/copy_preview.html#form", context)
    return render(request, "console/copy_preview.html", context, status=status)


def _go_on(
    request: HttpRequest,
    access: Access,
    values: Sequence[Value],
    outcomes: Sequence[RowOutcome],
    left: Sequence[str],
) -> HttpResponse:
    """Show how far the copies are, with a form that goes on with the rest."""
    done = done_before(request) + len(outcomes) - len(left)
    context = {
        "change_set": request.POST.get("change_set", ""),
        "left": "\n".join(left),  # one field, because Django takes at most a thousand
        "done": done,
        "total": done + len(left),
    }
    return _form(request, access, values, context)


def _is_protected(access: Access, value: Value) -> bool:
    is_secret = value.source.is_confidential
    return is_secret and access.decide(Permission.REVEAL, value.owner).is_protected


def _row(copied: Copy, failed: dict[str, RowOutcome]) -> dict[str, Any]:
    """Return a row of the preview. What a branch has or inherits stays unless it is chosen."""
    line, planned = copied.line, copied.line.planned
    outcome = failed.get(_token(line.noun, *planned.scope))
    is_new = planned.change is Change.NEW
    is_fixed = bool(copied.refusal) or planned.change is Change.SAME
    return {
        "text": row_text(line),
        "noun": line.noun,
        "key": planned.key,
        "origin": scope_name(copied.value.owner),
        "branch": scope_name(planned.branch),
        "change": str(planned.change),
        "is_new": is_new,
        "is_fixed": is_fixed,
        "is_chosen": _is_wanted(line, outcome) and not copied.refusal,
        "overrides": line.overrides,
        "also": line.also,
        "refusal": copied.refusal,
        "known_to": () if is_fixed else copied.known_to,
        "last_change": planned.last_change,
        "reaches_all": planned.branch is None,
        "message": (outcome.message or "Not copied yet.") if outcome else "",
    }


def _is_wanted(line: Line, outcome: RowOutcome | None) -> bool:
    """Return True if a copy is chosen by itself, or was chosen and not tried."""
    if outcome is not None:
        return outcome.outcome is Result.NOT_TRIED
    return line.planned.change is Change.NEW and not (line.overrides or line.also)


def _token(noun: str, branch_id: int | None, key: str) -> str:
    return f"{noun} {token_of(branch_id, key)}"


def _save(request: HttpRequest, access: Access, values: Sequence[Value]) -> HttpResponseBase:
    by_name = {value.name: value for value in values}
    targets, texts = [], {}
    for row in ImportForm.of(request.POST, access).rows:
        if (row.noun, row.key) in by_name:
            value, token = by_name[row.noun, row.key], _token(row.noun, *row.scope)
            targets.append(Target(token, value, row.branch_id, *known_base(row.base)))
            texts[token] = posted_text(row)
    if not targets:
        raise Refused(CHOOSE_ROWS)
    signed = request.POST.get("change_set", "")
    change_set = change_set_of(signed, access, access.app.path_profile)
    if signed and change_set is None:
        raise Refused(STALE)
    outcomes = _copy_once(request, access, targets, change_set or uuid.uuid4())
    unfinished = [it for it in outcomes if it.outcome not in DONE]
    if any(it.outcome is not Result.NOT_TRIED or it.message for it in unfinished):
        return _preview(request, access, values, outcomes)
    if unfinished:
        left = [texts[it.token] for it in unfinished]
        return _go_on(request, access, values, outcomes, left)
    number = done_before(request) + len(outcomes)
    undo = undo_address(access, change_set) if change_set else ""
    messages.success(request, f"Copied {number} value{pluralize(number)}.", extra_tags=undo)
    if wants_fragment(request):
        return HttpResponseClientRedirect(reverse("compare", args=[access.app.app_id]))
    return redirect("compare", app_id=access.app.app_id)


def _copy_once(
    request: HttpRequest, access: Access, targets: Sequence[Target], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Copy a part, unless this post repeats an earlier one. The post has no values to compare."""
    may_go_on = response_deadline(request)

    def copy_part(rest: Sequence[Target]) -> list[RowOutcome]:
        tried = copying.copy(access, rest[:PART], change_set, may_go_on=may_go_on)
        return [*tried, *(RowOutcome(it.token, Result.NOT_TRIED) for it in rest[PART:])]

    return save_rows_once(
        change_set, targets, lambda it: (it.value.source.noun, it.value.pk), copy_part
    )
