"""Pages of bulk edit: a scope's variables as text, the preview of a text's changes, applying it."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import escape

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.events import Action
from console.environment.typed_values import risks
from console.lib.naming.names import ALL_BRANCHES
from console.lib.results import DONE, Result, RowOutcome
from console.lib.text.dotenv import BYTE_LIMIT, Refused
from console.lib.text.invisible import MAX_PREVIEW, preview_value
from console.lib.text.likely_secrets import secret_warning
from console.lib.text.remarks import sentence
from console.models import Branch, scope_name
from console.web.change_sets import change_set_of, change_set_token
from console.web.kit import app_context, find_app_to_change, page_with_form
from console.web.lists.listing import writable_scopes
from console.web.repeats import NotAgain, Post, save_once
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.formats import FORMATS as FILES
from envvars_app.formats.hints import describe_key
from envvars_app.formats.notes import value_notes
from envvars_app.formats.validation import REMARKS
from envvars_app.pages.bulk_forms import (
    ALL,
    FORMATS,
    BulkForm,
    dump_baseline,
    parse_baseline,
    scope_of,
    scopes_of,
)
from envvars_app.pages.variables import CHANGE_SET_PURPOSE
from envvars_app.variables import bulk as previews
from envvars_app.variables.bulk import BulkEdit, Kind, Mode, Preview, PreviewLine
from envvars_app.variables.queries import listed_branches, own_variables

KIND_BADGES = {
    Kind.NEW: ("new", "ok"),
    Kind.CHANGED: ("changed", "info"),
    Kind.REMOVED: ("removed", "bad"),
}
RETRY_NOTES = {
    Kind.NEW: "Apply again to add it.",
    Kind.CHANGED: "Apply again to overwrite it with your value.",
    Kind.REMOVED: "Apply again to remove it.",
}
MISSING_CHOICES = {Mode.REPLACE: "Remove", Mode.MERGE: "Keep"}
FEW_CHANGES = 200  # more of them are shown with less of their values
SHORT_PREVIEW = 80  # characters
# The preview contains the text to apply it. A quote takes six characters of HTML.
ESCAPED_LIMIT = 2_000_000
TOO_MANY_QUOTES = "The text has so many quotes that its preview would be too large. Split it."
TOO_LONG = Refused(
    f"These variables have more than {BYTE_LIMIT:,} characters, too many to edit as one text. Edit "
    "them in the list, or paste only what you want to change."
)
SELECTION_CHANGED = "You changed your selection. Review these changes, then apply them."


@page_with_form
def bulk(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show a scope's variables as text, preview a text's changes, or apply them."""
    if request.method != "POST":
        access = find_app(from_request(request), app_id)
        return _scope_as_text(request, access, listed_branches(access))
    access = find_app_to_change(request, app_id, Action.VARIABLE_CHANGED)
    branches = listed_branches(access)
    form = BulkForm.of(request.POST)
    scopes = scopes_of(form.scopes, branches)
    if request.POST.get("action") == "edit":
        return _text_page(request, access, branches, form)
    try:
        edit = BulkEdit(form.values(), scopes, form.mode, form.format)
        if request.POST.get("action") == "apply":
            return _apply(request, access, branches, form, edit)
        return preview_page(request, access, branches, form, edit)
    except Refused as refusal:
        return _text_page(request, access, branches, form, refusal)


def _scope_as_text(request: HttpRequest, access: Access, branches: list[Branch]) -> HttpResponse:
    requested, named = request.GET.get("scope", ALL), request.GET.get("format", "")
    scope, format = scope_of(requested, branches), named if named in FORMATS else "env"
    variables = own_variables(access, scope)
    rendered = FILES[format].render({key: row.value for key, row in variables.items()})
    if len(rendered.text) > BYTE_LIMIT:
        form = BulkForm("", format, Mode.MERGE, (requested,))
        return _text_page(request, access, branches, form, TOO_LONG)
    form = BulkForm(rendered.text, format, Mode.REPLACE, (requested,))
    return _text_page(
        request, access, branches, form, left_out=rendered.left_out, count=len(variables)
    )


def _text_page(
    request: HttpRequest,
    access: Access,
    branches: list[Branch],
    form: BulkForm,
    refusal: Refused | None = None,
    left_out: Mapping[str, str] | None = None,
    count: int | None = None,
) -> HttpResponse:
    context = {
        **_context(access, branches, form),
        "refusal": refusal,
        "formats": FORMATS.items(),
        "left_out": (left_out or {}).items(),
        "count": count,
    }
    status = 422 if request.method == "POST" and refusal else 200
    return render(request, "variables/bulk.html", context, status=status)


def _context(access: Access, branches: list[Branch], form: BulkForm) -> dict[str, Any]:
    """Return the template context that the text and its preview share."""
    names = {str(branch.pk): branch.name for branch in branches}
    return {
        **app_context(access, "variables"),
        "sheet": form,
        "scope_names": [names.get(scope, ALL_BRANCHES) for scope in form.scopes],
        "scope_choices": [(ALL, ALL_BRANCHES), *names.items()],
        "format_name": FORMATS[form.format],
        "modes": [(mode.value, words) for mode, words in MISSING_CHOICES.items()],
        "may_write": bool(writable_scopes(access, branches)),
    }


def preview_page(
    request: HttpRequest,
    access: Access,
    branches: list[Branch],
    form: BulkForm,
    edit: BulkEdit,
    outcomes: list[RowOutcome] | None = None,
    notice: str = "",
) -> HttpResponse:
    """Show what a text would change. After a save, `outcomes` mark the changes that failed.

    Raises dotenv.Refused if there are too many changes, or too much text for one page.
    """
    if len(escape(form.text)) > ESCAPED_LIMIT:
        raise Refused(TOO_MANY_QUOTES)
    preview = previews.preview(access, edit, outcomes or [])
    context = {
        **_context(access, branches, form),
        **_preview_lines(access, preview),
        "loses_layout": _loses_layout(form),
        "seen": dump_baseline(form, preview.baseline),
        "change_set": change_set_token(access, CHANGE_SET_PURPOSE),
        "notice": notice,
        "unrepresentable": [
            {"key": key, "branch": scope_name(branch)} for branch, key in preview.unrepresentable
        ],
    }
    if outcomes:
        done = sum(outcome.outcome in DONE for outcome in outcomes)
        context["summary"] = f"Applied {done} of {len(outcomes)} changes. The rest are below."
    return render(request, "variables/preview.html", context, status=422 if outcomes else 200)


def _loses_layout(form: BulkForm) -> bool:
    """Return True if the text has comments or an order, which the stored variables don't keep.

    In JSON, the order means nothing.
    """
    keys = list(form.values())
    return form.format == "env" and (form.document.has_comments or keys != sorted(keys))


def _preview_lines(access: Access, preview: Preview) -> dict[str, Any]:
    """Return the changed lines, those with a problem first, and the unchanged ones."""
    changes = [line for line in preview.lines if line.kind is not Kind.SAME]
    changes.sort(key=lambda line: (not (line.refusal or line.outcome), line.key))
    writable_lines = [line for line in changes if line.refusal is None]
    counts = Counter(line.kind for line in writable_lines)
    longest = MAX_PREVIEW if len(changes) <= FEW_CHANGES else SHORT_PREVIEW
    secret_warning_of = cache(secret_warning)  # the same key and value often go to many scopes
    keys = {line.key for line in preview.lines if line.new is not None}
    return {
        "lines": [_line(access, line, secret_warning_of, keys, longest) for line in changes],
        "same": [_key_and_branch(line) for line in preview.lines if line.kind is Kind.SAME],
        "counts": [(counts[kind], *KIND_BADGES[kind]) for kind in KIND_BADGES if counts[kind]],
        "to_apply": len(writable_lines),
        "refused": len(changes) - len(writable_lines),
    }


def _key_and_branch(line: PreviewLine) -> dict[str, Any]:
    return {"key": line.key, "branch": scope_name(line.branch)}


def _line(
    access: Access,
    line: PreviewLine,
    secret_warning_of: Callable[[str, str], str],
    keys: set[str],
    longest: int,
) -> dict[str, Any]:
    word, badge = KIND_BADGES[line.kind]
    return {
        **_key_and_branch(line),
        "word": word.capitalize(),
        "badge": badge,
        "old": None if line.old is None else preview_value(line.old, line.new or "", longest),
        "new": None if line.new is None else preview_value(line.new, line.old or "", longest),
        "secret_warning": secret_warning_of(line.key, line.new) if line.new else "",
        "hints": [] if line.new is None else _hints(access, line, line.new, keys),
        "overrides": line.overrides,
        "note": line.refusal or line.outcome,
        "again": RETRY_NOTES[line.kind] if _was_conflict(line) else "",
        "refused": line.refusal is not None,
    }


def _hints(access: Access, line: PreviewLine, value: str, keys: set[str]) -> list[str]:
    risk = sentence(*risks(access, REMARKS, line.branch, line.key, value))
    return [hint for hint in (describe_key(line.key), *value_notes(value, keys), risk) if hint]


def _was_conflict(line: PreviewLine) -> bool:
    """Return True if another person's change stopped this line: the page now shows that change."""
    stopped = line.outcome is not None and line.outcome.outcome is Result.CONFLICT
    return stopped and line.refusal is None


def _apply(
    request: HttpRequest, access: Access, branches: list[Branch], form: BulkForm, edit: BulkEdit
) -> HttpResponseBase:
    """Write what was previewed. Show the preview again with what failed."""
    baseline = parse_baseline(str(request.POST.get("seen", "")), form)
    if baseline is None:  # the form changed after the preview, so nobody has seen these changes
        return preview_page(request, access, branches, form, edit, notice=SELECTION_CHANGED)
    # The list, to which a success redirects, counts the saved variables by this token.
    token = request.POST.get("change_set", "")
    change_set = change_set_of(token, access, CHANGE_SET_PURPOSE)
    if change_set is None:  # missing, or of another user or app
        token = change_set_token(access, CHANGE_SET_PURPOSE)
        change_set = change_set_of(token, access, CHANGE_SET_PURPOSE) or uuid.uuid4()
    post = Post(change_set, ["bulk edit"], {"": [repr(form), repr(baseline)]})
    try:
        outcomes = save_once(
            post,
            lambda _done: previews.apply(
                actor=access.actor,
                app_id=access.app.app_id,
                edit=edit,
                baseline=baseline,
                change_set=change_set,
            ),
        )
    except NotAgain as refusal:
        return preview_page(request, access, branches, form, edit, notice=refusal.message)
    push_waiting(access.app)
    if any(outcome.outcome not in DONE for outcome in outcomes):
        return preview_page(request, access, branches, form, edit, outcomes)
    address = reverse("variables", args=[access.app.app_id])
    if not outcomes:
        messages.info(request, "Nothing was left to change.")
    return redirect(f"{address}?saved={token}" if outcomes else address)
