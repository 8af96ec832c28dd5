"""Views of an import: the text, the preview of what it changes, and saving it.

No response contains a value of the text. Scripts keep it in the page, and post it again with each
step. Without them it is pasted again.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action
from console.environment.importing import Change, ImportRow
from console.environment.sources import secrets_first
from console.lib.documents import gen1
from console.lib.results import DONE, RowOutcome
from console.lib.text.dotenv import Entry, Refused
from console.pages.importing.forms import REMOVE, ImportForm, scopes_of
from console.pages.importing.rows import counts, rows_of, sum_of
from console.web.change_sets import change_set_of, change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import app_context, find_app_to_change, page_with_form
from console.web.lists.listing import writable_scopes
from console.web.repeats import save_rows_once
from console.workflows import absent_keys, comparing, importing
from console.workflows.absent_keys import AbsentKey, RemovalRow
from console.workflows.importing import Line

PATIENCE = 5.0  # seconds for one response without scripts
FRAGMENT_PATIENCE = 1.0
MAX_POSTED_ROWS = 450  # rows that a browser without scripts can post; each has two fields
EMPTY = "Paste the text first."
PASTE_AGAIN = "The text is no longer in this form. Paste it again, then save."
MISSING = "{} of the chosen keys are not in this text. Paste the same text again, then save."
STALE = (
    "The app's path profile changed after you opened this page. Preview the text again, then save."
)
NO_CHOICE = "Choose at least one key."
IN_TEXT = "{} of the keys to remove are in this text. Preview the text again, then save."


@page_with_form
def import_text(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show the form, preview a text, compare it with stored secrets, or save it."""
    if request.method != "POST":
        access = find_app(from_request(request), app_id)
        access.require_writer()
        return _page(request, access, ImportForm(scopes=scopes_of(request.GET, access)))
    access = find_app_to_change(request, app_id, Action.SECRET_CREATED)
    form = ImportForm.of(request.POST, access)
    action = request.POST.get("action")
    try:
        if not form.text.strip():
            raise Refused(PASTE_AGAIN if form.rows else EMPTY)
        entries = form.entries()
        if action == "save":
            return _save(request, access, form, importing.prepare(entries, form.cleaned))
        look = importing.preview_compared if action == "compare" else importing.preview
        return _page(request, access, form, entries, look(access, entries, form.choice))
    except Refused as refusal:
        return _page(request, access, form, refusal=refusal)


def _page(
    request: HttpRequest,
    access: Access,
    form: ImportForm,
    entries: Sequence[Entry] = (),
    lines: Sequence[Line] | None = None,
    *,
    refusal: Refused | None = None,
    outcomes: Iterable[RowOutcome] = (),
) -> HttpResponse:
    token = change_set_token(access, access.app.path_profile)
    change_set = change_set_of(token, access, access.app.path_profile)
    context = {
        **app_context(access, "secrets"),
        "scopes": [str(branch.pk) if branch else "" for branch in form.scopes],
        "scope_choices": writable_scopes(access, access.branches),
        "change_set": token,
        "done": undo_address(access, change_set) if change_set else "",
        "refusal": refusal,
        "lines": lines,
        "lists_absent": form.lists_absent,
        "environments": [(name, name) for name in form.environments],
        "environment": form.chosen_environment,
        "secret_paths": gen1.secret_paths(form.text, form.chosen_environment),
        "may_import_gen1": access.may_on(Permission.REVEAL, None) and not access.app.is_standalone,
    }
    if lines is not None:
        absent = absent_keys.find(access, entries, form.scopes) if form.lists_absent else ()
        context |= _preview(access, form, lines, absent, {it.token: it for it in outcomes})
    part = "#preview" if wants_fragment(request) and request.method == "POST" else ""
    status = 422 if refusal or context.get("failed") else 200
    response = render(request, f"importing/page.html{part}", context, status=status)
    if request.method == "POST":  # a comparison tells something about values
        response["Cache-Control"] = "no-store"
    return response


def _preview(
    access: Access,
    form: ImportForm,
    lines: Sequence[Line],
    absent: Sequence[AbsentKey],
    outcomes: dict[str, RowOutcome],
) -> dict[str, Any]:
    failed = {it.token: it for it in outcomes.values() if it.outcome not in DONE}
    rows = rows_of(form, lines, absent, failed)
    return {
        "rows": rows,
        "kinds": [source.noun for source in secrets_first()],
        "number_of_keys": len({line.planned.key for line in lines}),
        "number_of_lines": form.text.strip().count("\n") + 1,
        "to_save": sum(row["is_chosen"] for row in rows),
        "sum": sum_of(rows),
        "counts": counts(rows),
        "to_choose": sum(not row["is_fixed"] for row in rows),
        "all_same": all(row["change"] == Change.SAME for row in rows),
        "comparable": len(importing.comparable(access, (line.planned for line in lines))),
        "shared": importing.shared_with_production(lines),
        "max_compared": comparing.MAX_VALUES,
        "too_many": len(rows) > MAX_POSTED_ROWS,
        "failed": len(failed),
        "saved": len(outcomes) - len(failed),
        "tried": len(outcomes),
    }


def _save(
    request: HttpRequest, access: Access, form: ImportForm, entries: Sequence[Entry]
) -> HttpResponseBase:
    rows, missing = form.import_rows(entries)
    if missing:
        raise Refused(MISSING.format(missing))
    if not rows and not form.removals:
        raise Refused(NO_CHOICE)
    in_text = {row.key for row in form.removals} & {entry.key for entry in entries}
    if in_text:
        raise Refused(IN_TEXT.format(len(in_text)))
    posted = change_set_of(request.POST.get("change_set", ""), access, access.app.path_profile)
    if posted is None:
        raise Refused(STALE)
    outcomes = _save_once(request, access, rows, form.removals, posted)
    status = 200 if all(outcome.outcome in DONE for outcome in outcomes) else 422
    if wants_fragment(request):
        context = {"outcomes": outcomes}
        return render(request, "importing/page.html#outcomes", context, status=status)
    if status == 200:
        messages.success(request, _saved_sentence(rows, form.removals))
        return redirect(undo_address(access, posted))
    lines = importing.preview(access, entries, form.choice)
    return _page(request, access, form, entries, lines, outcomes=outcomes)


def _save_once(
    request: HttpRequest,
    access: Access,
    rows: Sequence[tuple[str, ImportRow]],
    removals: Sequence[RemovalRow],
    change_set: uuid.UUID,
) -> list[RowOutcome]:
    """Import the rows, then remove what was chosen, unless this post repeats an earlier one."""
    nouns = {row.token: noun for noun, row in rows}
    patience = FRAGMENT_PATIENCE if wants_fragment(request) else PATIENCE
    until = monotonic() + patience

    def save(rest: Sequence[ImportRow | RemovalRow]) -> list[RowOutcome]:
        imports = [(nouns[it.token], it) for it in rest if isinstance(it, ImportRow)]
        chosen = [it for it in rest if isinstance(it, RemovalRow)]
        timing = {"may_go_on": lambda: monotonic() < until}
        saved = importing.save(access, imports, change_set, **timing)
        return [*saved, *absent_keys.remove(access, chosen, change_set, saved, **timing)]

    commands: list[ImportRow | RemovalRow] = [*(row for _, row in rows), *removals]
    return save_rows_once(
        change_set,
        commands,
        lambda it: (nouns.get(it.token, REMOVE), it.value),
        save,
    )


def _saved_sentence(rows: Sequence[tuple[str, ImportRow]], removals: Sequence[RemovalRow]) -> str:
    parts = []
    for verb, nouns in (
        ("Imported", [noun for noun, _ in rows]),
        ("Removed", [row.noun for row in removals]),
    ):
        counted = [f"{number} {noun}{pluralize(number)}" for noun, number in Counter(nouns).items()]
        parts += [f"{verb} {' and '.join(counted)}."] if counted else []
    return " ".join(parts)
