"""Pages of the secrets: list, edit mode, and the check against the store."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.events import Action, Outcome
from console.environment.typed_values import rules_as_json
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import blank_rows
from console.models import AuditEvent
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
from console.web.lists.marks import add_copies
from console.web.lists.missing import missing_rows
from console.web.lists.takes_effect import mark_rows, offer_after
from console.web.repeats import save_rows_once
from console.workflows.deployments.effects import of_app
from secrets_app.models import Secret
from secrets_app.pages import forms
from secrets_app.pages.forms import NewRow
from secrets_app.queries import (
    SecretRow,
    crowded_branches,
    find_rows,
    list_secrets,
    listed_branches,
)
from secrets_app.store.limits import REMARKS
from secrets_app.sync import adopting, mirrors, reconciling
from secrets_app.sync.freshness import freshness_from
from secrets_app.writes import save
from secrets_app.writes.commands import SecretCommand

SAVES = (Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED)


def _page_context(request: HttpRequest, access: Access, *, is_list: bool = True) -> dict[str, Any]:
    """Return what the list and edit mode share. Only the list shows what a branch lacks."""
    since = timezone.now()  # before the rows are read, so that no later change is missed
    branches, query = listed_branches(access), Query.of(request.GET.dict())
    waiting = of_app(access).waiting
    missing = missing_rows(access, "secret", query, query.chosen(branches)) if is_list else None
    listing = list_secrets(access, query, branches, waiting, missing)
    mark_rows(waiting, "secret", listing.rows)
    add_copies(access, "secret", listing.rows)
    return {
        **app_context(access, "secrets"),
        "listing": listing,
        "not_copied": sum(row.is_offered for row in missing or ()),
        "branches": filter_choices(branches),
        "freshness": freshness_from(getattr(access.app, "revalidation", None)),
        "since": since.isoformat(),
        "unfinished_mirrors": mirrors.unfinished().filter(app=access.app).count(),
        "may_write_any": may_write_any(access, branches),
        "branch_choices": writable_scopes(access, branches),
        "change_set": change_set_token(access, access.app.path_profile),
        "unseen": rules_as_json(access, REMARKS),
    }


@require_safe
def secrets(request: HttpRequest, app_id: str) -> HttpResponse:
    """List an app's secrets from the projection, without calling the store."""
    access = find_app(from_request(request), app_id, "revalidation")
    context = _page_context(request, access)
    template = "secrets/list.html"
    saved = change_set_of(request.GET.get("saved", ""), access, access.app.path_profile)
    if saved:
        context["saved"] = _saved_sentence(saved)
        context["offer"] = offer_after(access, "secret", saved)
        context["undo"] = undo_address(access, saved) if context["saved"] else ""
    if wants_fragment(request):
        return render(request, f"{template}#{'saved' if saved else 'listing'}", context)
    context["unknown"] = adopting.numbers(access)
    context["at_one_path"] = len(mirrors.at_one_path(access))
    context["crowded"] = crowded_branches(access, access.branches)
    return render(request, template, context)


def _saved_sentence(change_set: uuid.UUID) -> str:
    done = AuditEvent.objects.filter(
        change_set=change_set, action__in=SAVES, outcomes__outcome=Outcome.SUCCEEDED
    )
    rows = [*done.order_by("pk").values_list("action", "subject")]
    removed = [key for action, key in rows if action == Action.SECRET_REMOVED]
    return saved_sentence("secret", len(rows) - len(removed), removed)


@page_with_form
def manage(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show edit mode, or save it."""
    if request.method == "POST":
        return _save(request, find_app(from_request(request), app_id))
    access = find_app(from_request(request), app_id, "revalidation")
    if wants_fragment(request):
        return render(request, "secrets/manage.html#rows", _manage_context(request, access))
    return render(request, "secrets/manage.html", _manage_context(request, access))


def _manage_context(request: HttpRequest, access: Access) -> dict[str, Any]:
    context = _page_context(request, access, is_list=False)
    listing, count = context["listing"], blank_rows(request.GET)
    return {
        **context,
        "new_rows": [NewRow(number) for number in range(1, count + 1)] or _first_row(listing),
        "blank_rows": [NewRow("N", branch=listing.branch)],
        "sorts": SORT_WORDS.items(),
    }


def _first_row(listing: Listing[SecretRow]) -> list[NewRow]:
    """Return a blank row for an app without secrets."""
    return [] if listing.total or listing.q or listing.branch else [NewRow(1)]


def _save(request: HttpRequest, access: Access) -> HttpResponseBase:
    token, commands = request.POST.get("change_set", ""), forms.commands_of(request.POST)
    posted = change_set_of(token, access, access.app.path_profile)
    if token and posted is None:
        outcomes = forms.refuse_stale(commands)
    else:
        outcomes = _save_once(access, commands, posted or uuid.uuid4())
    done = all(outcome.outcome in DONE for outcome in outcomes)
    status = 200 if done else 422
    if wants_fragment(request):
        context = {"app": access.app, "outcomes": outcomes}
        return render(request, "secrets/manage.html#outcomes", context, status=status)
    if done:
        address = reverse("secrets", args=[access.app.app_id])
        query = Query.of(request.GET.dict())
        return redirect(address + query.filter(saved=token if posted else ""))
    return render(
        request,
        "secrets/manage.html",
        _with_outcomes(_manage_context(request, access), request, access, outcomes),
        status=status,
    )


def _save_once(
    access: Access, commands: list[SecretCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    return save_rows_once(
        change_set,
        commands,
        forms.content_of,
        lambda rows: save.save_as(access=access, commands=rows, change_set=change_set),
    )


def _with_outcomes(
    context: dict[str, Any], request: HttpRequest, access: Access, outcomes: list[RowOutcome]
) -> dict[str, Any]:
    """Add the outcomes to the rows of the page. Values are never sent back.

    A row that failed may be on another page of the list: it goes to the top of this one.
    """
    by_token = {outcome.token: outcome for outcome in outcomes}
    listed = {str(row.pk) for row in context["listing"].rows}
    missing = [
        int(token)
        for token, outcome in by_token.items()
        if token.isdecimal() and token not in listed and outcome.outcome not in DONE
    ]
    others = find_rows(access, missing, listed_branches(access)) if missing else []
    shown = set()
    rows = []
    for row in [*others, *context["listing"].rows]:
        outcome = by_token.get(str(row.pk))
        is_conflict = outcome is not None and outcome.outcome is Result.CONFLICT
        # After a conflict the page shows who changed the value, so the next save may overwrite it.
        base = outcome.base_again if outcome and is_conflict else row.base
        rows.append(replace(row, outcome=outcome, base=base))
        shown.add(str(row.pk))
    context["listing"] = replace(context["listing"], rows=rows)
    context["new_rows"] = [
        replace(row, outcome=outcome, base=outcome.base_again)
        for row in forms.new_rows_of(request.POST)
        if (outcome := by_token[f"new-{row.number}"]).outcome not in DONE
    ] or _first_row(context["listing"])
    done = sum(outcome.outcome in DONE for outcome in outcomes)
    elsewhere = [o for o in outcomes if o.token not in shown and not o.token.startswith("new-")]
    context["summary"] = " ".join(
        [f"Saved {done} of {len(outcomes)} changes. The rest are below. Enter their values again."]
        + [outcome.message for outcome in elsewhere if outcome.outcome not in DONE]
    )
    return context


@require_POST
def revalidate(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Reconcile with the store, and send the rows that changed since the page was rendered.

    Without JavaScript, a button posts this and returns to the page.
    """
    actor = from_request(request)
    mode = "manage" if request.POST.get("mode") == "manage" else "list"
    reconciling.reconcile_for_page(actor=actor, app_id=app_id)
    if not wants_fragment(request):
        return redirect("secrets_manage" if mode == "manage" else "secrets", app_id=app_id)
    access = find_app(actor, app_id, "revalidation")
    context = {**_page_context(request, access, is_list=mode == "list"), "mode": mode}
    context["unknown"] = adopting.numbers(access)
    context |= _changes_since(access, context["listing"], _moment(request.POST.get("since", "")))
    return render(request, f"secrets/{mode}.html#revalidated", context)


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
        return moment.astimezone(UTC) if moment and timezone.is_aware(moment) else None
    except (OverflowError, ValueError):
        return None


def _changes_since(
    access: Access, listing: Listing[SecretRow], since: datetime | None
) -> dict[str, Any]:
    if since is None or since > timezone.now():  # or the clock was set back since
        return {"whole": True}
    touched = Secret.objects.filter(app=access.app, touched_at__gte=since)
    if not touched.exists():
        return {"whole": False, "changed": []}
    newest = touched.aggregate(Max("first_seen"))["first_seen__max"]
    ids = set(touched.values_list("pk", flat=True))
    if newest >= since or listing.sort.endswith("changed"):
        return {"whole": True}
    return {
        "whole": False,
        "recount": True,  # what changed may now match another chip
        "changed": [row for row in listing.rows if row.pk in ids],
    }
