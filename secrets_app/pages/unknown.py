"""Parameters that belong to no known branch: the list, adding their branch, and removing them.

Removing many takes a while, since a parameter store takes only a few calls a second. So one
response removes a part, and says how far it is, as when a branch is deleted.
"""

import uuid
from datetime import timedelta
from time import monotonic
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.events import Action
from console.environment.removal import Removal
from console.lib.results import DONE
from console.lib.stopping import is_stopping
from console.web.change_sets import change_set_of, change_set_token
from console.web.htmx import wants_fragment
from console.web.kit import app_context, page_with_form, require_manager_access
from secrets_app.store.limits import BATCH
from secrets_app.sync.adopting import add_branch, find_group, groups
from secrets_app.sync.unknown_removal import remove, token

PATIENCE = timedelta(seconds=5)  # for one response without scripts
PURPOSE = "remove unknown parameters"
GONE = "These parameters are no longer here. Somebody added their branch, or removed them."


@require_safe
def unknown(request: HttpRequest, app_id: str) -> HttpResponse:
    """List the parameters that belong to no known branch, by folder."""
    return _list(request, find_app(from_request(request), app_id))


@require_POST
def adopt(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Add the branch that a folder belongs to."""
    access = require_manager_access(request, app_id, Action.BRANCH_ADDED)
    name = request.POST.get("name", "")
    try:
        branch = add_branch(actor=access.actor, app_id=app_id, pk=pk, name=name)
    except ValidationError as refusal:
        problem = {"failed": pk, "problem": " ".join(refusal.messages), "typed": name}
        return _list(request, access, status=422, **problem)
    except Http404:  # or the form was posted twice
        return _gone(request, access)
    messages.success(request, f"Added the branch {branch.name}. It is protected.")
    query = {"branch": str(branch.pk)}
    return redirect(reverse("secrets", args=[app_id], query=query))


@page_with_form
def unknown_remove(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Ask before the parameters of a folder are removed, and remove them."""
    access = require_manager_access(request, app_id, Action.PARAMETER_REMOVED)
    if request.method != "POST":
        try:
            group = find_group(access, pk)
        except Http404:
            return _gone(request, access)
        choices = [(row, token(row)) for row in group.parameters] if group.is_removable else []
        return _progress(request, access, group=group, choices=choices)
    removals, left = _remove_part(request, access)
    if any(removal.outcome not in DONE for removal in removals):
        return _progress(request, access, status=422, removals=removals)
    before = request.POST.get("done", "")
    done = len(removals) + (int(before) if before.isdecimal() and len(before) < 7 else 0)
    if left:
        return _progress(request, access, left=left, done=done, total=done + len(left))
    if not done:
        return _gone(request, access)
    messages.success(request, f"Removed {done} parameter{'s' if done != 1 else ''}.")
    return _to_list(request, access)


def _gone(request: HttpRequest, access: Access) -> HttpResponse:
    messages.info(request, GONE)
    return _to_list(request, access)


def _to_list(request: HttpRequest, access: Access) -> HttpResponse:
    url = reverse("unknown_parameters", args=[access.app.app_id])
    if wants_fragment(request):
        return HttpResponseClientRedirect(url)
    return redirect(url)


def _remove_part(request: HttpRequest, access: Access) -> tuple[list[Removal], list[str]]:
    """Remove parameters batch by batch, at least one. Return what became of them, and the rest."""
    tokens = request.POST.getlist("remove")
    change_set = change_set_of(request.POST.get("change_set", ""), access, PURPOSE)
    until = monotonic() + (0 if wants_fragment(request) else PATIENCE.total_seconds())
    removals: list[Removal] = []
    while tokens:
        batch, tokens = tokens[:BATCH], tokens[BATCH:]
        removals += remove(access=access, tokens=batch, change_set=change_set or uuid.uuid4())
        has_failed = any(removal.outcome not in DONE for removal in removals)
        if has_failed or is_stopping() or monotonic() >= until:
            break
    return removals, tokens


def _list(request: HttpRequest, access: Access, status: int = 200, **problem: Any) -> HttpResponse:
    context = {**app_context(access, "secrets"), "groups": groups(access), **problem}
    return render(request, "secrets/unknown.html", context, status=status)


def _progress(
    request: HttpRequest, access: Access, status: int = 200, **context: Any
) -> HttpResponse:
    """Ask, say how far the removal is, or say what could not be removed."""
    change_set = request.POST.get("change_set") or change_set_token(access, PURPOSE)
    context |= {**app_context(access, "secrets"), "change_set": change_set}
    if wants_fragment(request):  # htmx swaps in a fragment only if it is a success
        return render(request, "secrets/unknown_remove.html#form", context)
    return render(request, "secrets/unknown_remove.html", context, status=status)
