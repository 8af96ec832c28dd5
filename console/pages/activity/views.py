"""Activity pages of an app and of the deployment, and their exports."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import Actor, from_request
from console.access.policy import find_app
from console.audit import paging
from console.audit import presentation as trail
from console.audit.days import by_day, days_of
from console.audit.events import Action
from console.audit.export import FORMATS, Format, export
from console.audit.queries import Filter
from console.pages.activity.forms import FilterForm
from console.web.downloads import one_at_a_time
from console.web.kit import app_context, require_operator_request


@require_safe
def activity(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show an app's activity."""
    access = find_app(from_request(request), app_id)
    context = {
        **app_context(access, "activity"),
        **_context(request, app_id),
        "may_undo": not access.is_read_only,
    }
    return render(request, "console/activity.html", context)


@require_safe
def all_activity(request: HttpRequest) -> HttpResponse:
    """Show the deployment's activity to an operator."""
    require_operator_request(request)
    return render(request, "console/activity_all.html", _context(request))


def _context(request: HttpRequest, app_id: str = "") -> dict[str, Any]:
    form = FilterForm(request.GET, app_id=app_id)
    filters = form.filters()
    people, branches = trail.suggestions(app_id)
    page = paging.page_of(filters, request.GET.get("page", "1")) if filters else None
    # Otherwise the browser's, which static/js/times.js says in a cookie
    preferred = getattr(request.user, "time_zone", "") or request.COOKIES.get("zone", "")
    zone = form.zone_or(preferred)
    days = days_of(filters, zone) if filters else ()
    return {
        "form": form,
        "page": page,
        "people": people,
        "branches": branches,
        "days": days,
        "dated": by_day(page, days, zone) if page else (),
        "zone": zone.key,
    }


@require_POST
def export_activity(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Download an app's activity as filtered."""
    access = find_app(from_request(request), app_id)
    return _file(request, access.actor, app_id)


@require_POST
def export_all_activity(request: HttpRequest) -> HttpResponseBase:
    """Download the deployment's activity as filtered. Only for operators."""
    return _file(request, require_operator_request(request, Action.AUDIT_EXPORTED))


def _file(request: HttpRequest, actor: Actor, app_id: str = "") -> HttpResponseBase:
    filters = FilterForm(request.GET, app_id=app_id).filters()
    format = FORMATS.get(request.POST.get("format", ""))
    if filters is None or format is None:
        raise BadRequest("Unknown filter or format.")
    return one_at_a_time(request, lambda: _stream(actor, filters, format, app_id))


def _stream(actor: Actor, filters: Filter, format: Format, app_id: str) -> HttpResponseBase:
    lines = export(actor=actor, filters=filters, format=format)
    response = StreamingHttpResponse(lines, content_type=format.content_type)
    name = f"activity-{app_id or 'all'}-{timezone.now():%Y%m%d-%H%M%S}.{format.extension}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
