"""The page of a preview: what it would take from its source, and which of its values are copies."""

import uuid
from time import monotonic
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize

from console.access.policy import Access, Permission, find_app, find_branch
from console.audit.events import Action
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import field
from console.lib.text.dotenv import Refused
from console.models import Branch
from console.web.change_sets import undo_address
from console.web.kit import app_context, find_app_for_form, page_with_form
from console.workflows.previews.writing import PreviewLine, lines_of, unfinished, write

PATIENCE = 5.0  # seconds for one response
CHOOSE = "Choose at least one value to copy."
OTHER_SOURCE = (
    "The rule changed, so these are the values of another branch. Review them, then copy."
)
UNFINISHED = "Copying takes a while, so some values are not copied yet. Copy them again."


@page_with_form
def preview(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Show what the branch would take. A post copies what was chosen, and refreshes copies."""
    access = find_app_for_form(request, app_id, Action.SECRET_CREATED)
    branch = find_branch(access, pk)
    if request.method != "POST":
        return _page(request, access, branch)
    return _copy(request, access, branch)


def _copy(request: HttpRequest, access: Access, branch: Branch) -> HttpResponseBase:
    access.require_on(Permission.WRITE, branch)
    try:
        source, lines = lines_of(access, branch)
    except Refused as refusal:
        return _page(request, access, branch, str(refusal))
    if source and field(request.POST, "source") != str(source.pk):
        return _page(request, access, branch, OTHER_SOURCE)
    chosen = set(request.POST.getlist("value"))
    wanted = [line for line in lines if line.token in chosen and line.copy]
    if not wanted:
        is_repeated = any(line.token in chosen and line.marked for line in lines)
        return _again(access, branch) if is_repeated else _page(request, access, branch, CHOOSE)
    until = monotonic() + PATIENCE
    change_set = uuid.uuid4()
    outcomes = write(access, wanted, change_set, may_go_on=lambda: monotonic() < until)
    if number := sum(it.outcome in DONE for it in outcomes):
        undo = undo_address(access, change_set)
        messages.success(request, f"Copied {number} value{pluralize(number)}.", extra_tags=undo)
    failed = {it.token: it for it in unfinished(outcomes)}
    if any(it.outcome is not Result.NOT_TRIED or it.message for it in failed.values()):
        access = find_app(access.actor, access.app.app_id)  # what was read is outdated
        return _page(request, access, branch, failed=failed)
    if failed:
        messages.warning(request, UNFINISHED)
    return _again(access, branch)


def _again(access: Access, branch: Branch) -> HttpResponseBase:
    return redirect("preview", app_id=access.app.app_id, pk=branch.pk)


def _page(
    request: HttpRequest,
    access: Access,
    branch: Branch,
    error: str = "",
    *,
    failed: dict[str, RowOutcome] | None = None,
) -> HttpResponse:
    try:
        source, lines = lines_of(access, branch)
    except Refused as refusal:
        source, lines, error = None, [], str(refusal)
    may_write = access.may_on(Permission.WRITE, branch)
    context = {
        **app_context(access, "compare"),
        "branch": branch,
        "source": source,
        "rows": [_row(line, failed or {}) for line in lines],
        "may_copy": may_write and any(line.is_ready for line in lines),
        "has_secrets": any(_is_secret(line) for line in lines),
        "has_known": any(line.copy.known_to for line in lines if line.copy),
        "is_protected": source is not None
        and access.decide(Permission.REVEAL, source).is_protected
        and any(_is_secret(line) for line in lines),
        "error": error,
    }
    status = 422 if error or failed else 200
    return render(request, "console/preview.html", context, status=status)


def _is_secret(line: PreviewLine) -> bool:
    return line.copy is not None and line.copy.value.source.is_confidential


def _row(line: PreviewLine, failed: dict[str, RowOutcome]) -> dict[str, Any]:
    outcome = failed.get(line.token)
    return {
        "token": line.token,
        "key": line.key,
        "noun": line.noun,
        "state": line.state,
        "is_copy": line.marked is not None and not line.marked.is_outdated,
        "is_outdated": line.marked is not None and line.marked.is_outdated,
        "is_override": line.is_override,
        "is_ready": line.is_ready,
        "refusal": line.copy.refusal if line.copy else "",
        "known_to": line.copy.known_to if line.copy else (),
        "message": (outcome.message or "Not copied yet.") if outcome else "",
    }
