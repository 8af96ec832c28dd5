"""An app's branches: the list, and the pages to add and to change one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from console.access.policy import Access, find_app, find_branch
from console.audit.events import Action
from console.catalog import services
from console.models import Branch
from console.pages.apps.forms import BranchForm, BranchSettingsForm, FollowedBranchForm
from console.web.kit import (
    app_context,
    call_service,
    form_data,
    page_with_form,
    require_manager_access,
    show_form,
)
from console.workflows.warnings import finding


@require_safe
def branches(request: HttpRequest, app_id: str) -> HttpResponse:
    """List an app's branches, deleted ones last."""
    access = require_manager_access(request, app_id)
    rows = sorted(access.branches, key=lambda branch: branch.deleted_at is not None)
    return render(
        request, "console/branches.html", {**app_context(access, "branches"), "branches": rows}
    )


@page_with_form
def branch_add(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Add a branch."""
    access = require_manager_access(request, app_id, Action.BRANCH_ADDED)
    form = BranchForm(form_data(request))
    if access.app.is_standalone:
        form.fields["name"].help_text = "The name of a stage, exactly as in amplify/pipeline.ts."
    return _branch_form(request, access, form, None)


@page_with_form
def branch_edit(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Change a branch's stage, production flag and protection."""
    access = require_manager_access(request, app_id, Action.BRANCH_CHANGED)
    branch = find_branch(access, pk)
    kind = FollowedBranchForm if hasattr(branch, "connection") else BranchSettingsForm
    return _branch_form(request, access, kind(form_data(request), instance=branch), branch)


def _branch_form(
    request: HttpRequest,
    access: Access,
    form: forms.ModelForm,
    branch: Branch | None,
) -> HttpResponseBase:
    if form.is_valid():
        is_first = all(it.deleted_at for it in access.branches)
        saved = call_service(
            form, _save_branch, access=access, fields=form.cleaned_data, branch=branch
        )
        if saved:
            notice = _protection_notice(saved, form) + ("" if branch else _warnings(access, saved))
            messages.success(request, f"Saved the branch {saved.name}.{notice}")
            # The Overview says what comes after the first branch.
            return redirect("overview" if is_first else "branches", app_id=access.app.app_id)
    context = {**app_context(access, "branches"), "branch": branch}
    return show_form(request, "console/branch_form.html", form, context)


def _protection_notice(branch: Branch, form: BaseForm) -> str:
    """Return a notice if a restored branch is protected although the form didn't ask for it."""
    if form.cleaned_data["protected"] or not branch.protected:
        return ""
    return " It is still protected, as it was before it was deleted."


def _warnings(access: Access, branch: Branch) -> str:
    """Return the warnings that come with the name of a new branch."""
    found = finding.of_app(find_app(access.actor, access.app.app_id), "branch")
    every = (it for one in found for it in one.warnings)
    return "".join(f" {it.text}" for it in every if str(branch.pk) in it.about.split("+"))


def _save_branch(access: Access, fields: dict[str, Any], branch: Branch | None) -> Branch:
    actor, app_id = access.actor, access.app.app_id
    if branch is None:
        return services.add_branch(actor=actor, app_id=app_id, fields=fields)
    return services.change_branch(actor=actor, app_id=app_id, pk=branch.pk, fields=fields)
