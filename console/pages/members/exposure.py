"""Pages that list the secrets a person has seen, to rotate after they leave."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from console.access.actors import Actor
from console.audit.events import Action
from console.lib.text import csv
from console.members import exposure
from console.models import User
from console.pages.members.forms import RotatedForm
from console.web.downloads import one_at_a_time
from console.web.kit import (
    app_context,
    page_with_form,
    require_manager_access,
    require_operator_request,
)

PAGE = 100  # secrets


@require_safe
def members_left(request: HttpRequest, app_id: str) -> HttpResponse:
    """List former members who have seen secrets of the app."""
    access = require_manager_access(request, app_id)
    context = {**app_context(access, "members"), "rows": exposure.former_members(access)}
    return render(request, "console/members_left.html", context)


@page_with_form
def known(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """List a person's secrets in an app; mark secrets as rotated, or export the list."""
    access = require_manager_access(request, app_id, _requested_action(request))
    person = exposure.find_person(access, pk)
    return _respond(request, access.actor, person, app_id, app_context(access, "members"))


@page_with_form
def known_everywhere(request: HttpRequest, pk: int) -> HttpResponseBase:
    """List a person's secrets in all apps. Only for operators."""
    actor = require_operator_request(request, _requested_action(request))
    return _respond(request, actor, get_object_or_404(User, pk=pk), "", {})


def _requested_action(request: HttpRequest) -> Action:
    export = request.POST.get("action") == "export"
    return Action.EXPOSURE_EXPORTED if export else Action.SECRET_ROTATED


def _respond(
    request: HttpRequest, actor: Actor, person: User, app_id: str, context: dict[str, Any]
) -> HttpResponseBase:
    if request.method == "POST" and _requested_action(request) is Action.EXPOSURE_EXPORTED:
        return one_at_a_time(request, lambda: _export(actor, person, app_id))
    secrets = exposure.exposed_secrets(person.pk, app_id)
    form = RotatedForm(request.POST or None, entries=[it.token for it in secrets])
    if request.method == "POST":
        chosen = form.cleaned_data["entry"] if form.is_valid() else []
        count = exposure.mark_rotated(actor=actor, person=person, entries=chosen, app_id=app_id)
        _show_result(request, count)
        return redirect(request.get_full_path())
    page = Paginator(secrets, PAGE).get_page(request.GET.get("page", "1"))
    context |= {
        "person": person,
        "page": page,
        "open": sum(not it.is_rotated for it in secrets),
        "total": len(secrets),
    }
    template = "console/known.html" if app_id else "console/known_everywhere.html"
    return render(request, template, context)


def _show_result(request: HttpRequest, count: int) -> None:
    if count:
        messages.success(request, f"{count} marked as rotated.")
    else:
        messages.warning(request, "Nothing was marked as rotated. Select the secrets first.")


def _export(actor: Actor, person: User, app_id: str) -> HttpResponse:
    rows = exposure.export(actor=actor, person=person, app_id=app_id)
    text = "".join(csv.lines(rows[0], rows[1:]))
    response = HttpResponse(text, content_type=csv.CONTENT_TYPE)
    response["Content-Disposition"] = content_disposition_header(
        True, f"known-to-{person.email}.csv"
    )
    response["Cache-Control"] = "no-store"
    return response
