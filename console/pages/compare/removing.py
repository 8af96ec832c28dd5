"""Remove the values of one scope that are selected in the matrix, at once, with Undo.

They go to the recycle bin. If one can't, the page asks first. One response removes a part, and its
form goes on with the rest.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from console.access.policy import Access
from console.audit.events import Action
from console.environment.removal import id_of
from console.lib.results import DONE, Result
from console.models import Branch, scope_name
from console.pages.importing.forms import scopes_of
from console.web.change_sets import change_set_of, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import app_context, done_before, find_app_to_change, response_deadline
from console.workflows import branch_removal
from console.workflows.branch_removal import Progress

PURPOSE = "remove"
FINAL = {Result.CONFLICT, Result.DENIED, Result.REFUSED}  # would end the same again
GONE = "These values are removed already."


@require_POST
def remove(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Remove the selected values, or say what stays and why."""
    access = find_app_to_change(request, app_id, Action.SECRET_REMOVED)
    branch = scopes_of(request.POST, access)[0]
    tokens = request.POST.get("remove", "").split()
    change_set = change_set_of(request.POST.get("change_set", ""), access, PURPOSE) or uuid.uuid4()
    progress = branch_removal.remove(
        access,
        branch,
        tokens,
        change_set,
        without_copy="without_copy" in request.POST,
        may_go_on=response_deadline(request),
    )
    removed = [it.key for it in progress.removals if it.outcome in DONE]
    done = done_before(request) + len(removed)
    if progress.has_failed or progress.left:
        return _page(request, access, branch, tokens, progress, done)
    is_undoable = done and settings.BIN_DAYS and "without_copy" not in request.POST
    undo = undo_address(access, change_set) if is_undoable else ""
    messages.success(request, _sentence(removed, done, branch), extra_tags=undo)
    if wants_fragment(request):
        return HttpResponseClientRedirect(reverse("compare", args=[app_id]))
    return redirect("compare", app_id=app_id)


def _sentence(removed: Sequence[str], done: int, branch: Branch | None) -> str:
    if not done:
        return GONE
    what = removed[0] if done == len(removed) == 1 else f"{done} value{'' if done == 1 else 's'}"
    return f"{what} removed from {scope_name(branch)}."


def _page(
    request: HttpRequest,
    access: Access,
    branch: Branch | None,
    tokens: Sequence[str],
    progress: Progress,
    done: int,
) -> HttpResponse:
    """Show how far the removal is, or what stays and why."""
    failed = [it for it in progress.removals if it.outcome not in DONE]
    again = {it.id for it in failed if it.asks or it.outcome not in FINAL}
    again |= {id_of(token) for token in progress.left}
    left = [token for token in tokens if id_of(token) in again]
    change_set = request.POST.get("change_set", "")
    known = change_set_of(change_set, access, PURPOSE)
    context: dict[str, Any] = {
        **app_context(access, "compare"),
        "scope": str(branch.pk) if branch else "",
        "scope_label": scope_name(branch),
        "change_set": change_set,
        "change_set_url": undo_address(access, known) if done and known else "",
        "left": "\n".join(left),  # one field, because Django takes at most a thousand
        "number_left": len(left),
        "failed": failed,
        "untried": len(progress.left),
        "asks": any(it.asks for it in failed),
        "without_copy": "without_copy" in request.POST,
        "done": done,
        "total": done + len(failed) + len(progress.left),
    }
    if wants_fragment(request):  # htmx swaps in a fragment only if it is a success
        return render(request, "console/compare_remove.html#form", context)
    status = 422 if failed else 200
    return render(request, "console/compare_remove.html", context, status=status)
