"""Repairing parameters: a mirror, all mirrors left unfinished, and what isn't encrypted."""

from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from console.access.actors import from_request
from console.access.policy import find_app
from secrets_app.locations import find_secret
from secrets_app.pages import forms
from secrets_app.store.errors import Conflict, StoreError
from secrets_app.sync import mirrors
from secrets_app.sync.reconciling import refresh
from secrets_app.writes import encrypting
from secrets_app.writes.mirror import repair_mirror


@require_POST
def repair(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Make a secret's two paths hold the same value."""
    actor, shown = from_request(request), request.POST.get("shown", "")
    try:
        done = repair_mirror(
            actor=actor, app_id=app_id, pk=pk, expected_versions=forms.parse_versions(shown)
        )
    except Conflict as conflict:
        access = find_app(actor, app_id)
        with suppress(StoreError):  # so that the page shows the current versions
            refresh(access.app, [find_secret(access, pk)])
        messages.error(request, conflict.message)
    else:
        messages.success(request, done)
    return redirect("secret_detail", app_id=app_id, pk=pk)


@require_POST
def encrypt(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Replace a secret's unencrypted parameters."""
    actor, shown = from_request(request), request.POST.get("shown", "")
    try:
        done = encrypting.encrypt(
            actor=actor, app_id=app_id, pk=pk, expected_versions=forms.parse_versions(shown)
        )
    except StoreError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect("secret_detail", app_id=app_id, pk=pk)


@require_POST
def finish(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Finish the mirrors that interrupted saves did not get to."""
    repairs = mirrors.finish_app(actor=from_request(request), app_id=app_id)
    if repairs.finished:
        messages.success(request, f"Mirrors written: {repairs.finished}.")
    if repairs.later:
        messages.info(request, f"{repairs.later} more follow in the background.")
    if repairs.left:
        reason = repairs.problem or "Their pages show what to do."
        messages.warning(request, f"Mirrors not written: {repairs.left}. {reason}")
    return redirect("secrets", app_id=app_id)
