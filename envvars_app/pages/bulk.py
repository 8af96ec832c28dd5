"""Bulk edit: a scope's variables as text, what a text would change, and applying it."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.lib.dotenv import Refused
from console.lib.invisible import shown
from console.lib.names import ALL_BRANCHES
from console.lib.results import DONE, Result, RowOutcome
from console.models import Branch, scope_name
from console.web.change_sets import change_set_of, change_set_token
from console.web.kit import app_context, page_with_form
from console.web.listing import writable
from envvars_app.formats import FORMATS as FILES
from envvars_app.formats.hints import secret_warning
from envvars_app.pages.bulk_forms import (
    ALL,
    FORMATS,
    Sheet,
    scope_of,
    scopes_of,
    seen_of,
    seen_text,
)
from envvars_app.pages.variables import ABOUT
from envvars_app.variables import bulk as previews
from envvars_app.variables.bulk import Asked, Kind, Line, Mode, Preview
from envvars_app.variables.queries import branches_of, own

WORDS = {
    Kind.NEW: ("new", "ok"),
    Kind.CHANGED: ("changed", "info"),
    Kind.REMOVED: ("removed", "bad"),
}
AGAIN = {
    Kind.NEW: "Apply again to add it.",
    Kind.CHANGED: "Apply again to overwrite it with your value.",
    Kind.REMOVED: "Apply again to remove it.",
}
MODES = {Mode.REPLACE: "Remove", Mode.MERGE: "Keep"}
MOVED = "You changed your selection. Review these changes, then apply them."


@page_with_form
def bulk(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show a scope as text; preview what a text changes; apply it."""
    access = find_app(from_request(request), app_id)
    branches = branches_of(access)
    if request.method != "POST":
        return _text_of_a_scope(request, access, branches)
    sheet = Sheet.of(request.POST)
    scopes = scopes_of(sheet.scopes, branches)
    if request.POST.get("action") == "edit":
        return _text_page(request, access, branches, sheet)
    try:
        asked = Asked(sheet.values(), scopes, sheet.mode, sheet.format)
        if request.POST.get("action") == "apply":
            return _apply(request, access, branches, sheet, asked)
        return preview_page(request, access, branches, sheet, asked)
    except Refused as refusal:
        return _text_page(request, access, branches, sheet, refusal)


def _text_of_a_scope(request: HttpRequest, access: Access, branches: list[Branch]) -> HttpResponse:
    asked, named = request.GET.get("scope", ALL), request.GET.get("format", "")
    scope, format = scope_of(asked, branches), named if named in FORMATS else "env"
    variables = own(access, scope)
    rendered = FILES[format].render({key: row.value for key, row in variables.items()})
    sheet = Sheet(rendered.text, format, Mode.REPLACE, (asked,))
    return _text_page(
        request, access, branches, sheet, left_out=rendered.left_out, count=len(variables)
    )


def _text_page(
    request: HttpRequest,
    access: Access,
    branches: list[Branch],
    sheet: Sheet,
    refusal: Refused | None = None,
    left_out: Mapping[str, str] | None = None,
    count: int | None = None,
) -> HttpResponse:
    context = {
        **_context(access, branches, sheet),
        "refusal": refusal,
        "formats": FORMATS.items(),
        "left_out": (left_out or {}).items(),
        "count": count,
    }
    return render(request, "variables/bulk.html", context, status=422 if refusal else 200)


def _context(access: Access, branches: list[Branch], sheet: Sheet) -> dict[str, Any]:
    """Return what the text and its preview share."""
    names = {str(branch.pk): branch.name for branch in branches}
    return {
        **app_context(access, "variables"),
        "sheet": sheet,
        "scope_names": [names.get(scope, ALL_BRANCHES) for scope in sheet.scopes],
        "scope_choices": [(ALL, ALL_BRANCHES), *names.items()],
        "format_name": FORMATS[sheet.format],
        "modes": [(mode.value, words) for mode, words in MODES.items()],
        "may_write": bool(writable(access, branches)),
    }


def preview_page(
    request: HttpRequest,
    access: Access,
    branches: list[Branch],
    sheet: Sheet,
    asked: Asked,
    outcomes: list[RowOutcome] | None = None,
    notice: str = "",
) -> HttpResponse:
    """Show what a text would change; after a Save, what is left of it.

    Raises dotenv.Refused where it would be too much at once.
    """
    preview = previews.preview(access, asked, outcomes or [])
    context = {
        **_context(access, branches, sheet),
        **_preview_lines(preview),
        "seen": seen_text(sheet, preview.seen),
        "notice": notice,
        "unheld": [{"key": key, "branch": scope_name(branch)} for branch, key in preview.unheld],
    }
    if outcomes:
        done = sum(outcome.outcome in DONE for outcome in outcomes)
        context["summary"] = f"Applied {done} of {len(outcomes)} changes. The rest are below."
    return render(request, "variables/preview.html", context, status=422 if outcomes else 200)


def _preview_lines(preview: Preview) -> dict[str, Any]:
    """Return the lines: those with a remark first, the same ones apart."""
    moving = [line for line in preview.lines if line.kind is not Kind.SAME]
    moving.sort(key=lambda line: (not (line.refusal or line.ended), line.key))
    going = [line for line in moving if line.refusal is None]
    numbers = Counter(line.kind for line in going)
    reason = cache(secret_warning)  # many scopes share a key and its value
    return {
        "lines": [_line(line, reason) for line in moving],
        "same": [_named(line) for line in preview.lines if line.kind is Kind.SAME],
        "counts": [(numbers[kind], *WORDS[kind]) for kind in WORDS if numbers[kind]],
        "to_apply": len(going),
        "refused": len(moving) - len(going),
    }


def _named(line: Line) -> dict[str, Any]:
    return {"key": line.key, "branch": scope_name(line.branch)}


def _line(line: Line, reason: Callable[[str, str], str]) -> dict[str, Any]:
    word, look = WORDS[line.kind]
    return {
        **_named(line),
        "word": word.capitalize(),
        "look": look,
        "old": None if line.old is None else shown(line.old, line.new or ""),
        "new": None if line.new is None else shown(line.new, line.old or ""),
        "secretive": reason(line.key, line.new) if line.new else "",
        "overrides": line.overrides,
        "note": line.refusal or line.ended,
        "again": AGAIN[line.kind] if _decided(line) else "",
        "refused": line.refusal is not None,
    }


def _decided(line: Line) -> bool:
    """Say whether somebody else's change stopped this line, which he has now seen."""
    stopped = line.ended is not None and line.ended.outcome is Result.CONFLICT
    return stopped and line.refusal is None


def _apply(
    request: HttpRequest, access: Access, branches: list[Branch], sheet: Sheet, asked: Asked
) -> HttpResponseBase:
    """Write what was previewed; what went not through stands on the preview again."""
    seen = seen_of(str(request.POST.get("seen", "")), sheet)
    if seen is None:  # another branch was chosen, and nobody has looked at that yet
        return preview_page(request, access, branches, sheet, asked, notice=MOVED)
    token = change_set_token(access, ABOUT)
    outcomes = previews.apply(
        actor=access.actor,
        app_id=access.app.app_id,
        asked=asked,
        seen=seen,
        change_set=change_set_of(token, access, ABOUT) or uuid.uuid4(),
    )
    if any(outcome.outcome not in DONE for outcome in outcomes):
        return preview_page(request, access, branches, sheet, asked, outcomes)
    address = reverse("variables", args=[access.app.app_id])
    if not outcomes:
        messages.info(request, "Nothing was left to change.")
    return redirect(f"{address}?saved={token}" if outcomes else address)
