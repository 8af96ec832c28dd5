"""Orphans: the list, adding the branch that unknown parameters belong to, and moving them away.

Moving many takes a while, since a parameter store takes only a few calls a second. So one response
moves a part, and shows the progress, as when a branch is deleted.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from django.conf import settings
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
from console.environment.removal import id_of
from console.lib.results import Result
from console.lib.stopping import is_stopping
from console.web.change_sets import change_set_of, change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import (
    app_context,
    done_before,
    find_app_to_change,
    page_with_form,
    require_manager_access,
    require_operator_request,
)
from secrets_app.gen1 import importing
from secrets_app.orphans import deployment, elsewhere, groups, moving
from secrets_app.orphans.moving import Progress
from secrets_app.sync.adopting import add_branch
from secrets_app.sync.freshness import freshness
from secrets_app.sync.reconciling import reconcile_for_page

PATIENCE = timedelta(seconds=5)  # for one response without scripts
PURPOSE = "move orphans"
SHOWN = 200  # orphans of a group with a checkbox, far below Django's limit for a form
GONE = "These parameters are no longer here. Somebody added their branch, or moved them."
NOTHING = "Select what to move, then preview it."
FINAL = {Result.CONFLICT, Result.DENIED, Result.REFUSED}  # would end the same again


@require_safe
def unknown(request: HttpRequest, app_id: str) -> HttpResponse:
    """List the orphans, by folder."""
    return _list(request, find_app(from_request(request), app_id))


@page_with_form
def all_orphans(request: HttpRequest) -> HttpResponse:
    """List the orphans of all apps by folder, without keys, for operators.

    A POST also lists the store to find the parameters that belong to no app.
    """
    actor = require_operator_request(request, Action.STORE_PROBED)
    found = None
    if request.method == "POST":
        until = monotonic() + PATIENCE.total_seconds()
        found = elsewhere.find(actor, lambda: monotonic() < until)
    context = {"apps": deployment.find(actor), "limit": deployment.LIMIT, "elsewhere": found}
    return render(request, "operation/orphans.html", context)


@require_POST
def adopt(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Add the branch that a folder belongs to."""
    access = require_manager_access(request, app_id, Action.BRANCH_ADDED)
    name = request.POST.get("name", "")
    try:
        branch = add_branch(actor=access.actor, app_id=app_id, pk=pk, name=name)
    except ValidationError as refusal:
        problem = {"failed": str(pk), "problem": " ".join(refusal.messages), "typed": name}
        return _list(request, access, status=422, **problem)
    except Http404:  # or the form was posted twice
        messages.info(request, GONE)
        return _to_list(request, access)
    messages.success(request, f"Added the branch {branch.name}. It is protected.")
    query = {"branch": str(branch.pk)}
    return redirect(reverse("secrets", args=[app_id], query=query))


@require_POST
def orphans_move(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Preview what moving the selected orphans would do, or move what was previewed or all."""
    access = find_app_to_change(request, app_id, Action.PARAMETER_REMOVED)
    tokens = (request.POST.get("all", "") or "\n".join(request.POST.getlist("move"))).split()
    if not tokens:
        messages.info(request, NOTHING)
        return _to_list(request, access)
    if "preview" in request.POST:
        reconcile_for_page(actor=access.actor, app_id=app_id)
        return _preview(request, access, tokens)
    return _move(request, access, tokens)


def _move(request: HttpRequest, access: Access, tokens: Sequence[str]) -> HttpResponseBase:
    change_set = change_set_of(request.POST.get("change_set", ""), access, PURPOSE) or uuid.uuid4()
    without_copy = "without_copy" in request.POST
    until = monotonic() + (0 if wants_fragment(request) else PATIENCE.total_seconds())
    progress = moving.move(
        access,
        tokens,
        change_set,
        without_copy=without_copy,
        may_go_on=lambda: monotonic() < until and not is_stopping(),
    )
    done = done_before(request) + progress.done
    if progress.failed or progress.remaining:
        return _progress(request, access, tokens, progress, done)
    some = f"{done:,} parameter{'' if done == 1 else 's'}"
    if not done:
        messages.info(request, GONE)
    else:
        # Only what can't be kept was removed for good. Undo brings the others back.
        undo = undo_address(access, change_set) if settings.BIN_DAYS else ""
        what = "removed" if without_copy else "moved to the recycle bin"
        messages.success(request, f"{some} {what}.", extra_tags=undo)
    return _to_list(request, access)


def _to_list(request: HttpRequest, access: Access) -> HttpResponse:
    url = reverse("unknown_parameters", args=[access.app.app_id])
    if wants_fragment(request):
        return HttpResponseClientRedirect(url)
    return redirect(url)


def _list(request: HttpRequest, access: Access, status: int = 200, **problem: Any) -> HttpResponse:
    found = groups.find(access)
    movable = [group for group in found if not group.refusal]
    context = {
        **app_context(access, "unknown_parameters"),
        "groups": found,
        "movable": movable,
        "may_import": importing.may_import(access),
        "all": "\n".join(group.tokens for group in movable),
        "shown": f":{SHOWN}",
        "limit": SHOWN,
        "days": settings.BIN_DAYS,
        "checked": freshness(access.app).agreed_at,
        "change_set": change_set_token(access, PURPOSE),
        **problem,
    }
    return render(request, "secrets/unknown.html", context, status=status)


def _preview(request: HttpRequest, access: Access, tokens: Sequence[str]) -> HttpResponse:
    """Show what moving would do, without doing it."""
    found, gone = moving.plan(access, tokens)
    going = [it.orphan.token for it in found if not it.problem]
    context = {
        "planned": found,
        "going": "\n".join(going),
        "number": len(going),
        "gone": gone,
        "asks": any(it.asks for it in found if not it.problem),
        "change_set": change_set_token(access, PURPOSE),
    }
    return _page(request, access, context)


def _progress(
    request: HttpRequest, access: Access, tokens: Sequence[str], progress: Progress, done: int
) -> HttpResponse:
    """Show how many are moved, or what stays and why."""
    failed = progress.failed
    asking = {it.id for it in failed if it.asks}  # the others can be kept
    again = {it.id for it in failed if it.outcome not in FINAL}
    again |= {id_of(token) for token in progress.remaining}
    left = [token for token in tokens if id_of(token) in (asking or again)]
    change_set = request.POST.get("change_set", "")
    known = change_set_of(change_set, access, PURPOSE)
    context = {
        "failed": failed,
        "going": "\n".join(left),
        "number": len(left),
        "untried": len(progress.remaining),
        "asks": bool(asking),
        "without_copy": "without_copy" in request.POST,
        "done": done,
        "total": done + len(failed) + len(progress.remaining),
        "change_set": change_set,
        "change_set_url": undo_address(access, known) if done and known else "",
    }
    return _page(request, access, context, status=422 if failed else 200)


def _page(
    request: HttpRequest, access: Access, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {**app_context(access, "unknown_parameters"), "days": settings.BIN_DAYS}
    if wants_fragment(request):  # htmx swaps in a fragment only if it is a success
        return render(request, "secrets/orphans_move.html#form", context)
    return render(request, "secrets/orphans_move.html", context, status=status)
