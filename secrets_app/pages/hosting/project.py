"""Claim a self-managed hosting project for an app, and release it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from console.audit.events import Action
from console.web.kit import (
    app_context,
    call_service,
    form_data,
    page_with_form,
    require_operator_access,
    show_form,
)
from secrets_app.hosting.projects import claim_project, release_project
from secrets_app.hosting_paths import (
    PROJECT_LIMIT,
    HostingConfig,
    HostingSecrets,
    hosting_folder,
    project_id,
)

TEMPLATE = "secrets/hosting_project.html"


class ProjectForm(forms.Form):
    """The name of a project's package."""

    name = forms.CharField(
        label="Name in package.json",
        max_length=PROJECT_LIMIT,
        help_text="With or without the npm scope, for example @acme/web-shop.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
    )


class ConfirmedForm(ProjectForm):
    """The same name, once the page has shown what it means."""

    name = forms.CharField(max_length=PROJECT_LIMIT, widget=forms.HiddenInput)


@page_with_form
def hosting_project(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Ask for a package's name, show its project and paths, and claim the project."""
    access = require_operator_access(request, app_id, Action.HOSTING_CLAIMED)
    context = app_context(access, "general")
    typed = form_data(request)
    if typed is None and "name" in request.GET:
        typed = request.GET
    asked = ProjectForm(typed)
    if not asked.is_valid():
        return show_form(request, TEMPLATE, asked, context)
    name = asked.cleaned_data["name"]
    form = ConfirmedForm(form_data(request), initial={"name": name})
    arguments = {"actor": access.actor, "app_id": app_id, "name": name}
    if form.is_valid() and (project := call_service(form, claim_project, **arguments)):
        messages.success(request, f"The app's self-managed hosting project is now {project}.")
        return redirect("general", app_id=app_id)
    return show_form(request, TEMPLATE, form, context | _preview(name))


def _preview(name: str) -> dict[str, Any]:
    """Return the project of a package's name, and its folders."""
    project = project_id(name)
    folders = [hosting_folder(kind(project)) for kind in (HostingConfig, HostingSecrets)]
    return {"project": project, "folders": folders}


@require_POST
def hosting_release(request: HttpRequest, app_id: str) -> HttpResponse:
    """Take the project from the app. Claiming it again undoes that."""
    access = require_operator_access(request, app_id, Action.HOSTING_RELEASED)
    release_project(actor=access.actor, app_id=app_id)
    messages.success(request, "Released the project. Its values stay in AWS.")
    return redirect("general", app_id=app_id)
