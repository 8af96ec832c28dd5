"""Copying secrets to the path where they are missing, as after a change of the path profile.

A parameter store takes only a few calls a second, so one response copies a part and says how far it
is. Scripts send the form that it contains by themselves.
"""

from datetime import timedelta
from time import monotonic
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from console.access.policy import Access
from console.audit.events import Action
from console.web.htmx import wants_fragment
from console.web.kit import app_context, page_with_form, require_manager_access
from secrets_app.sync import mirrors

PATIENCE = timedelta(seconds=5)  # for one response without scripts
FRAGMENT_PATIENCE = timedelta(seconds=1)


@page_with_form
def copy_paths(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Ask before secrets are copied to the path where they are missing, and copy them."""
    access = require_manager_access(request, app_id, Action.APP_CHANGED)
    if request.method != "POST":
        return _page(request, access, number=len(mirrors.at_one_path(access)))
    patience = FRAGMENT_PATIENCE if wants_fragment(request) else PATIENCE
    until = monotonic() + patience.total_seconds()
    result = mirrors.copy_to_both_paths(
        actor=access.actor, app_id=app_id, may_go_on=lambda: monotonic() < until
    )
    before = request.POST.get("done", "")
    done = result.finished + (int(before) if before.isdecimal() and len(before) < 7 else 0)
    rest = result.later + result.left
    if result.left and not (result.later and result.finished):
        return _page(request, access, done=done, left=rest, problem=result.problem)
    if result.later:
        return _page(request, access, done=done, total=done + rest)
    if done:
        messages.success(request, f"Copied {done} secret{'s' if done != 1 else ''}.")
    if wants_fragment(request):
        return HttpResponseClientRedirect(reverse("secrets", args=[app_id]))
    return redirect("secrets", app_id=app_id)


def _page(request: HttpRequest, access: Access, **context: Any) -> HttpResponse:
    part = "#form" if wants_fragment(request) else ""
    context |= app_context(access, "secrets")
    return render(request, f"secrets/copy.html{part}", context)
