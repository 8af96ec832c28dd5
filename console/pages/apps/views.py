"""The list of apps, and the pages to create one and to change its settings."""

import secrets
import string

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.access.policy import (
    Role,
    group_by_app,
    memberships,
)
from console.amplify.service import is_on
from console.audit.events import Action
from console.catalog import services
from console.lib.naming.names import PIPELINE, SAMPLE_APP_IDS, PathProfile
from console.members.suspension import suspension_of
from console.models import App
from console.pages.apps.forms import (
    AppForm,
    GeneralForm,
)
from console.web.kit import (
    app_context,
    call_service,
    form_data,
    page_with_form,
    require_manager_access,
    require_operator_request,
    show_form,
)


@require_safe
def apps(request: HttpRequest) -> HttpResponse:
    """List the user's apps."""
    actor = from_request(request)
    members = memberships(actor).annotate(
        branch_count=Count("app__branches", filter=Q(app__branches__deleted_at=None))
    )
    cards = [
        {
            "app_id": member.app.app_id,
            "name": member.app.name,
            "repository": member.app.repository,
            "role": Role(access.role).label,
            "branch_count": member.branch_count,
        }
        for member, access in group_by_app(actor, members)
    ]
    context = {
        "apps": cards,
        "may_create": actor.is_operator,
        "amplify_is_on": is_on(),
        "suspension": suspension_of(actor.user_id),
        "first_steps": actor.is_operator and not _has_own_app(),
        "uses_ssm": settings.PARAMETER_STORE == "ssm",
    }
    return render(request, "console/apps.html", context)


def _has_own_app() -> bool:
    """Return True if there is any app besides samples."""
    is_sample = Q(app_id__startswith=SAMPLE_APP_IDS) & ~Q(path_profile=PathProfile.STANDALONE)
    return App.objects.exclude(is_sample).exists()


@page_with_form
def app_new(request: HttpRequest) -> HttpResponseBase:
    """Create an app. Only for operators."""
    actor = require_operator_request(request, Action.APP_CREATED)
    form = AppForm(
        form_data(request), initial={"app_id": request.GET.get("app_id") or _new_app_id()}
    )
    app = None
    if form.is_valid():
        fields = {**form.app_fields, "region": settings.AWS_REGION}
        app = call_service(form, services.create_app, actor=actor, fields=fields)
    if app is None:
        return show_form(request, "console/app_new.html", form, {})
    messages.success(request, f"Created {app.name}.{_next_step(app)}")
    return redirect("overview", app_id=app.app_id)


def _next_step(app: App) -> str:
    """Return the end of the message about a new app: what to do next."""
    if not app.is_standalone:
        return " Add its branches next."
    return " Add the stages of your pipeline next." if app.app_id == PIPELINE else ""


def _new_app_id() -> str:
    alphabet = string.ascii_lowercase + string.digits
    return "d" + "".join(secrets.choice(alphabet) for _ in range(13))


@page_with_form
def general(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Change an app's name, repository and path profile."""
    access = require_manager_access(request, app_id, Action.APP_CHANGED)
    form = GeneralForm(form_data(request), instance=access.app)
    arguments = {"actor": access.actor, "app_id": app_id}
    app = None
    if form.is_valid():
        app = call_service(form, services.change_app, fields=form.cleaned_data, **arguments)
    if app:
        messages.success(request, "Saved.")
        return redirect("general", app_id=app_id)
    access.app.refresh_from_db()  # the form has assigned its fields
    return show_form(request, "console/general.html", form, app_context(access, "general"))
