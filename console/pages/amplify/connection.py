"""Connect an app to Amplify and disconnect it, and refresh it after its pages have loaded."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from console.access.actors import from_request
from console.access.amplify_apps import require_amplify_app
from console.access.policy import find_app
from console.amplify.errors import AmplifyError
from console.amplify.service import is_on
from console.audit.events import Action
from console.web.htmx import wants_fragment
from console.web.kit import (
    app_context,
    call_service,
    form_data,
    page_with_form,
    require_operator_access,
    show_form,
)
from console.workflows.connected_apps import importing
from console.workflows.connected_apps.refreshing import refresh_for_page

TEMPLATE = "console/app_connect.html"


@page_with_form
def app_connect(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Preview what connecting the app changes, and connect it."""
    access = require_operator_access(request, app_id, Action.APP_CONNECTED)
    require_amplify_app(access)
    context = app_context(access, "general")
    if not is_on():
        return render(request, TEMPLATE, {**context, "is_off": True})
    form = forms.Form(form_data(request))
    try:
        if form.is_valid():
            call_service(form, importing.connect, actor=access.actor, app_id=app_id)
        if form.is_valid() and not hasattr(form, "confirmation"):
            messages.success(request, "Connected to Amplify.")
            return redirect("general", app_id=app_id)
        if not hasattr(form, "confirmation"):
            context["preview"] = importing.preview_connection(access.actor, access.app)
    except AmplifyError as error:
        context["problem"] = error.message
        return render(request, TEMPLATE, context, status=error.status)
    return show_form(request, TEMPLATE, form, context)


@require_POST
def app_disconnect(request: HttpRequest, app_id: str) -> HttpResponse:
    """Disconnect the app. Connecting it again undoes that."""
    access = require_operator_access(request, app_id, Action.APP_DISCONNECTED)
    importing.disconnect(actor=access.actor, app_id=app_id)
    messages.success(request, "Disconnected from Amplify. Nothing was removed.")
    return redirect("general", app_id=app_id)


@require_POST
def amplify_refresh(request: HttpRequest, app_id: str) -> HttpResponse:
    """Refresh the app if that is due, and say how current it is. Every member may ask.

    Without JavaScript, a button posts this and returns to the overview.
    """
    refreshed = refresh_for_page(actor=from_request(request), app_id=app_id)
    if not wants_fragment(request):
        return redirect("overview", app_id=app_id)
    access = find_app(from_request(request), app_id)
    context = {**app_context(access, ""), "is_checked": True}
    response = render(request, "console/amplify_status.html", context)
    plan = refreshed.plan
    has_changes = plan is not None and bool(plan.changes or plan.left_out)
    return trigger_client_event(response, "branches-changed" if has_changes else "branches-checked")
