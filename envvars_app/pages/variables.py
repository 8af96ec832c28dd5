"""Pages of the environment variables: the list and edit mode."""

import uuid
from dataclasses import replace
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.environment.typed_values import rules_as_json
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import blank_rows, text
from console.lib.text.dotenv import BYTE_LIMIT
from console.web.change_sets import change_set_of, change_set_token, saved_sentence, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import app_context, page_with_form
from console.web.lists.listing import (
    SORT_WORDS,
    Listing,
    Query,
    filter_choices,
    may_write_any,
    writable_scopes,
)
from console.web.lists.marks import add_copies, add_warnings
from console.web.lists.missing import missing_rows
from console.web.lists.takes_effect import mark_rows, offer_after
from console.web.repeats import save_rows_once
from console.workflows.deployments.effects import of_app
from console.workflows.warnings.finding import shown
from envvars_app.amplify_sync.queries import add_counterparts, status_of
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.formats.validation import REMARKS
from envvars_app.models import Variable, VariableVersion
from envvars_app.pages import forms
from envvars_app.variables import save as saving
from envvars_app.variables import warnings
from envvars_app.variables.commands import SetVariable, VariableCommand
from envvars_app.variables.queries import (
    VariableRow,
    list_variables,
    listed_branches,
    stored_columns,
    to_rows,
)

CHANGE_SET_PURPOSE = "variables"


def list_context(
    request: HttpRequest, access: Access, sort: str = "branch", *, is_list: bool = True
) -> dict[str, Any]:
    """Return the template context that the list and edit mode share.

    Only the list shows what a branch lacks.
    """
    branches, query = listed_branches(access), Query.of(request.GET.dict(), sort)
    waiting = of_app(access).waiting
    missing = missing_rows(access, "variable", query, query.chosen(branches)) if is_list else None
    listing = list_variables(access, query, branches, waiting, missing)
    mark_rows(waiting, "variable", listing.rows)
    if is_list:
        found = warnings.of_app(access, {row.key for row in listing.rows})
        add_warnings(listing.rows, shown(access, found))
    add_copies(access, "variable", listing.rows)
    amplify = status_of(access)
    if amplify is not None:
        add_counterparts(listing.rows, amplify)
    return {
        **app_context(access, "variables"),
        "amplify": amplify,
        "listing": listing,
        "not_copied": sum(row.is_offered for row in missing or ()),
        "branches": filter_choices(branches),
        "may_write_any": may_write_any(access, branches),
        "branch_choices": writable_scopes(access, branches),
        "change_set": change_set_token(access, CHANGE_SET_PURPOSE),
        "unseen": rules_as_json(access, REMARKS),
    }


@require_safe
def variables(request: HttpRequest, app_id: str) -> HttpResponse:
    """List an app's variables with their values, which are no secrets."""
    access = find_app(from_request(request), app_id, "connection")
    context = list_context(request, access)
    saved = change_set_of(request.GET.get("saved", ""), access, CHANGE_SET_PURPOSE)
    if saved:
        versions = VariableVersion.objects.filter(change_set=saved).order_by("pk")
        rows = [*versions.values_list("key", "value")]
        removed = [key for key, value in rows if value is None]
        context["saved"] = saved_sentence("variable", len(rows) - len(removed), removed)
        context["offer"] = offer_after(access, "variable", saved)
        context["undo"] = undo_address(access, saved) if rows else ""
    part = "" if not wants_fragment(request) else "#saved" if saved else "#listing"
    return render(request, f"variables/list.html{part}", context)


@page_with_form
def manage(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show edit mode, or save it."""
    access = find_app(from_request(request), app_id, "connection")
    if request.method == "POST":
        return _save(request, access)
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"variables/manage.html{part}", _manage_context(request, access))


def _manage_context(request: HttpRequest, access: Access) -> dict[str, Any]:
    count = blank_rows(request.GET)
    context = {
        **list_context(request, access, "variable", is_list=False),
        "sorts": SORT_WORDS.items(),
    }
    overridden = request.GET.get("override", "")
    context["new_rows"] = [
        {"number": 1, "key": row.key, "value": row.value, "fixed": True}
        for row in context["listing"].rows
        if str(row.pk) == overridden and row.branch_id is None
    ]
    # Number 1 belongs to the override, if there is one.
    context["new_rows"] += [{"number": number} for number in range(2, count + 2)]
    return context


def _save(request: HttpRequest, access: Access) -> HttpResponseBase:
    token = request.POST.get("change_set", "")
    # None for a token of another user or app. The save then gets a change set of its own.
    posted = change_set_of(token, access, CHANGE_SET_PURPOSE)
    change_set = posted or uuid.uuid4()
    commands = forms.commands_of(request.POST, access.app)
    if sum(map(_size, commands)) > BYTE_LIMIT:  # the page of what wasn't saved repeats it
        raise RequestDataTooBig
    outcomes = save_rows_once(
        change_set,
        commands,
        lambda command: [repr(command)],
        lambda rows: saving.save(
            actor=access.actor, app_id=access.app.app_id, commands=rows, change_set=change_set
        ),
    )
    done = all(outcome.outcome in DONE for outcome in outcomes)
    status = 200 if done else 422
    if wants_fragment(request):
        context = {"app": access.app, "outcomes": outcomes}
        return render(request, "variables/manage.html#outcomes", context, status=status)
    push_waiting(access.app)
    if done:
        address = reverse("variables", args=[access.app.app_id])
        query = Query.of(request.GET.dict())
        return redirect(address + query.filter(saved=token if posted else ""))
    context = _with_outcomes(_manage_context(request, access), request, access, outcomes)
    return render(request, "variables/manage.html", context, status=status)


def _size(command: VariableCommand) -> int:
    return len(command.value or "") if isinstance(command, SetVariable) else 0


def _with_outcomes(
    context: dict[str, Any], request: HttpRequest, access: Access, outcomes: list[RowOutcome]
) -> dict[str, Any]:
    """Add the outcomes and the typed values to the rows of the page.

    Saving other rows may have moved a failed row to another page: it goes to the top of this one.
    A row whose variable was removed in the meantime becomes a new row, so that no input is lost.
    """
    failed = {outcome.token: outcome for outcome in outcomes if outcome.outcome not in DONE}
    listing = context["listing"]
    rows = [*_rows_on_other_pages(access, listing, failed), *listing.rows]
    rows = [_with_typed_input(row, request, failed.get(str(row.pk))) for row in rows]
    context["listing"] = replace(listing, rows=rows)
    context["new_rows"] = [
        {**vars(row), "outcome": outcome, "base": outcome.base_again}
        for row in forms.new_rows_of(request.POST)
        if (outcome := failed.get(f"new-{row.number}"))
    ]
    context["new_rows"] += _removed_rows(request, access, {str(row.pk) for row in rows}, failed)
    done = len(outcomes) - len(failed)
    context["summary"] = (
        f"Saved {done} of {len(outcomes)} changes. The rest are below, as you typed them."
    )
    return context


def _rows_on_other_pages(
    access: Access, listing: Listing[VariableRow], failed: dict[str, RowOutcome]
) -> list[VariableRow]:
    shown_ids = {str(row.pk) for row in listing.rows}
    missing = [token for token in failed if token.isdecimal() and token not in shown_ids]
    current = Variable.objects.filter(app=access.app, removed_at=None, pk__in=missing)
    return to_rows(access, stored_columns(current.order_by("key")), listed_branches(access))


def _removed_rows(
    request: HttpRequest, access: Access, shown_ids: set[str], failed: dict[str, RowOutcome]
) -> list[dict[str, Any]]:
    missing = [token for token in failed if token.isdecimal() and token not in shown_ids]
    rows = Variable.objects.filter(app=access.app, pk__in=missing).order_by("key")
    last_number = max((row.number for row in forms.new_rows_of(request.POST)), default=0)
    return [
        {
            "number": number,
            "key": request.POST.get(f"key-{row.pk}") or row.key,
            "value": text(request.POST, f"value-{row.pk}"),
            "branch": row.branch_id or "",
            "outcome": failed[str(row.pk)],
        }
        for number, row in enumerate(rows, start=last_number + 1)
        if not request.POST.get(f"remove-{row.pk}")
    ]


def _with_typed_input(
    row: VariableRow, request: HttpRequest, outcome: RowOutcome | None
) -> VariableRow:
    if outcome is None:
        return row
    pk = row.pk
    if request.POST.get(f"remove-{pk}"):
        row = replace(row, is_removing=True)
    else:
        value, key = text(request.POST, f"value-{pk}"), request.POST.get(f"key-{pk}")
        row = replace(row, value=value, typed_key=key)
    # After a conflict the page shows who changed the value, so the next save may overwrite it.
    is_conflict = outcome.outcome is Result.CONFLICT
    return replace(row, outcome=outcome, version=outcome.version if is_conflict else row.version)
