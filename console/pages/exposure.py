"""What somebody knows: the secrets to rotate after he left. For an app, and for the deployment."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from console.access.actors import Actor
from console.audit.events import Action
from console.lib import csv
from console.members import exposure
from console.models import User
from console.pages.member_forms import TickForm
from console.web.kit import app_context, managed, operated, page_with_form

PAGE = 100  # secrets


@require_safe
def members_left(request: HttpRequest, app_id: str) -> HttpResponse:
    """List who has no way in any more, and still knows secrets of the app."""
    access = managed(request, app_id)
    context = {**app_context(access, "members"), "rows": exposure.former_members(access)}
    return render(request, "console/members_left.html", context)


@page_with_form
def known(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Show what a person knows of an app; tick off what is rotated, or export it all."""
    access = managed(request, app_id, _asked(request))
    person = exposure.find_person(access, pk)
    return _answer(request, access.actor, person, app_id, app_context(access, "members"))


@page_with_form
def known_everywhere(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The same for all apps; an operator's page."""
    actor = operated(request, _asked(request))
    return _answer(request, actor, get_object_or_404(User, pk=pk), "", {})


def _asked(request: HttpRequest) -> Action:
    export = request.POST.get("action") == "export"
    return Action.EXPOSURE_EXPORTED if export else Action.SECRET_ROTATED


def _answer(
    request: HttpRequest, actor: Actor, person: User, app_id: str, context: dict[str, Any]
) -> HttpResponseBase:
    if request.method == "POST" and _asked(request) is Action.EXPOSURE_EXPORTED:
        rows = exposure.export(actor=actor, person=person, app_id=app_id)
        return _file(f"known-to-{person.email}.csv", rows)
    secrets = exposure.exposed_secrets(person.pk, app_id)
    form = TickForm(request.POST or None, entries=[it.last for it in secrets])
    if request.method == "POST":
        chosen = form.cleaned_data["entry"] if form.is_valid() else []
        count = exposure.mark_rotated(actor=actor, person=person, entries=chosen, app_id=app_id)
        _tell(request, count)
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


def _tell(request: HttpRequest, count: int) -> None:
    if count:
        messages.success(request, f"{count} marked as rotated.")
    else:
        messages.warning(request, "Nothing was marked as rotated. Select the secrets first.")


def _file(name: str, rows: list[list[str]]) -> HttpResponse:
    text = "".join(csv.lines(rows[0], rows[1:]))
    response = HttpResponse(text, content_type=csv.CONTENT_TYPE)
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "no-store"
    return response
