"""Deleting a branch: the one page of an app's settings that has to know its secrets."""

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from console.access.policy import Access, find_branch
from console.audit.events import Action
from console.catalog import services as core
from console.lib.results import DONE
from console.lib.stopping import is_stopping
from console.models import Branch
from console.web.kit import app_context, page_with_form, require_manager_access
from secrets_app.models import Secret
from secrets_app.pages import forms
from secrets_app.store.errors import StoreError
from secrets_app.sync import reconciling
from secrets_app.writes import save
from secrets_app.writes.commands import SecretCommand


@page_with_form
def branch_delete(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Delete a branch. Its secrets stay in the store unless they are selected."""
    access = require_manager_access(request, app_id, Action.BRANCH_DELETED)
    branch = find_branch(access, pk)
    secrets = list(branch.secrets.order_by("key"))
    selected = forms.removals_of(request.POST.getlist("remove"))
    context = {
        **app_context(access, "branches"),
        "branch": branch,
        "secrets": secrets,
        "selected": selected,
    }
    if request.method != "POST":
        return render(request, "secrets/delete_branch.html", context)
    if branch.production and request.POST.get("confirm") != branch.name:
        context["error"] = "This is the production branch. Type its name to delete it."
        return render(request, "secrets/delete_branch.html", context, status=422)
    outcomes = _remove_selected(access, secrets, selected)
    failed = [outcome for outcome in outcomes if outcome["outcome"] not in DONE]
    if failed:
        if not is_stopping():
            # So that the page shows the current versions.
            with suppress(StoreError):
                reconciling.refresh(access.app, secrets)
        context["secrets"] = list(branch.secrets.order_by("key"))
        context["outcomes"] = outcomes
        context["error"] = "Some secrets could not be removed, so the branch was not deleted."
        return render(request, "secrets/delete_branch.html", context, status=422)
    core.delete_branch(actor=access.actor, app_id=app_id, pk=pk)
    messages.success(request, _deleted(branch, len(secrets) - len(outcomes)))
    return redirect("branches", app_id=app_id)


def _remove_selected(
    access: Access, secrets: list[Secret], selected: dict[int, SecretCommand]
) -> list[dict[str, Any]]:
    commands = [selected[secret.pk] for secret in secrets if secret.pk in selected]
    outcomes = save.save_as(access=access, commands=commands, change_set=uuid.uuid4())
    keys = {str(secret.pk): secret.key for secret in secrets}
    return [{"key": keys[o.token], "outcome": o.outcome, "message": o.message} for o in outcomes]


def _deleted(branch: Branch, remaining: int) -> str:
    if not remaining:
        return f"Deleted the branch {branch.name}."
    return (
        f"Deleted the branch {branch.name}. {remaining} of its secrets stay in the parameter store "
        "and are listed under “Deleted branch”."
    )
