"""Delete a branch, and the secrets and variables of its own: they go to the recycle bin.

Removing many secrets takes a while, since a parameter store takes only a few calls a second. So one
response removes a part, and says how far it is; the form it contains goes on. Scripts send that by
themselves.
"""

import uuid
from dataclasses import asdict
from datetime import timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from console.access.policy import Access, find_branch
from console.audit.events import Action
from console.catalog import services
from console.environment.removal import id_of
from console.models import Branch
from console.web.change_sets import change_set_of, change_set_token
from console.web.htmx import wants_fragment
from console.web.kit import app_context, page_with_form, require_manager_access
from console.workflows import branch_removal
from console.workflows.branch_removal import Progress
from console.workflows.previews.removal import kept_elsewhere, up_to_date

PATIENCE = timedelta(seconds=5)  # for one response without scripts
NOT_TYPED = "This is the production branch. Type its name to delete it."
NOT_REMOVED = (
    "Some values could not be removed, so the branch was not deleted. Review them, then delete the "
    "branch again."
)


@page_with_form
def branch_delete(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Delete a branch. Its values go to the recycle bin, unless they are deselected."""
    access = require_manager_access(request, app_id, Action.BRANCH_DELETED)
    branch = find_branch(access, pk)
    if hasattr(branch, "connection"):
        messages.warning(request, services.STILL_IN_AMPLIFY)
        return redirect("branches", app_id=app_id)
    if request.method != "POST":
        return _page(request, access, branch)
    if branch.production and request.POST.get("confirm") != branch.name:
        return _page(request, access, branch, error=NOT_TYPED)
    progress = _remove_selected(request, access, branch)
    if progress.has_failed:
        outcomes = [asdict(removal) for removal in progress.removals]
        asks = any(removal.asks for removal in progress.removals)
        return _page(request, access, branch, error=NOT_REMOVED, outcomes=outcomes, asks=asks)
    if progress.left:
        return _page(request, access, branch, **_so_far(request, progress))
    groups = branch_removal.own_values(access, branch)
    services.delete_branch(actor=access.actor, app_id=app_id, pk=pk)
    messages.success(request, _deleted(branch, [group.kept() for group in groups if group.values]))
    if wants_fragment(request):
        return HttpResponseClientRedirect(reverse("branches", args=[app_id]))
    return redirect("branches", app_id=app_id)


def _remove_selected(request: HttpRequest, access: Access, branch: Branch) -> Progress:
    change_set = change_set_of(request.POST.get("change_set", ""), access, _purpose(branch))
    until = monotonic() + (0 if wants_fragment(request) else PATIENCE.total_seconds())
    return branch_removal.remove(
        access,
        branch,
        request.POST.getlist("remove"),
        change_set or uuid.uuid4(),
        without_copy="without_copy" in request.POST,
        may_go_on=lambda: monotonic() < until,
        without_bin=kept_elsewhere(access, branch),
    )


def _so_far(request: HttpRequest, progress: Progress) -> dict[str, Any]:
    """Return how many values are removed, of those that were selected at first."""
    before = request.POST.get("done", "")
    done = len(progress.removals) + (int(before) if before.isdecimal() and len(before) < 7 else 0)
    return {"done": done, "total": done + len(progress.left)}


def _page(
    request: HttpRequest, access: Access, branch: Branch, error: str = "", **context: Any
) -> HttpResponse:
    groups = branch_removal.own_values(access, branch)
    posted = request.POST
    ids = {value.id for group in groups for value in group.values}
    selected = {id_of(token) for token in posted.getlist("remove")} & ids
    if request.method != "POST":
        selected = ids
    context |= {
        **app_context(access, "branches"),
        "branch": branch,
        "partners": access.partners.get(branch, ()),
        "groups": groups,
        "number": len(ids),
        **{f"{group.source.noun}s": group.values for group in groups},
        "selected": selected,
        "all_selected": selected == ids,
        "days": settings.BIN_DAYS,
        "copies": len(up_to_date(access, branch) & selected),
        "change_set": posted.get("change_set") or change_set_token(access, _purpose(branch)),
        "typed": posted.get("confirm", ""),
        "error": error,
    }
    is_fragment = wants_fragment(request)
    part = "#form" if is_fragment else ""
    # htmx swaps in a fragment only if it is a success.
    status = 422 if error and not is_fragment else 200
    return render(request, f"console/branch_delete.html{part}", context, status=status)


def _purpose(branch: Branch) -> str:
    return f"delete {branch.pk}"


def _deleted(branch: Branch, kept: list[str]) -> str:
    """Return what happened, with what stays where it was."""
    if not kept:
        return f"Deleted the branch {branch.name}."
    return (
        f"Deleted the branch {branch.name}. {' and '.join(kept)}. Lists mark them as “Deleted "
        "branch”."
    )
