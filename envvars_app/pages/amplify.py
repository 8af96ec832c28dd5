"""Pages of what a connected app's variables and build settings are in Amplify."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.amplify.pushes import Pushed
from console.amplify.service import is_on
from console.lib.results import DONE, Result
from console.lib.row_forms import field
from console.models import scope_name
from console.web.htmx import wants_fragment
from console.web.kit import app_context
from console.workflows.connected_apps.refreshing import refresh_for_page
from envvars_app.amplify_sync import deciding, queries
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.build_settings import Conflict, Settings
from envvars_app.models import Synced, SyncedVariable, SyncState
from envvars_app.pages.build_settings import access_and_settings, settings_url
from envvars_app.pages.variables import list_context

VERSIONS_PER_PAGE = 25
STATUS = "amplify-status"  # the element of the list that asks for a push
AGAIN = "Amplify was changed again in between. Review the difference, then choose again."


@require_safe
def differences(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show what differs between Branchkeep and Amplify, and what Amplify held before."""
    access = _connected(request, app_id)
    versions = Paginator(queries.map_versions(access.app), VERSIONS_PER_PAGE)
    context = {
        **app_context(access, "variables"),
        "amplify": queries.status_of(access),
        "differences": queries.differences(access),
        "auto_branch": sorted(queries.auto_branch_variables(access.app).items()),
        "page": versions.get_page(request.GET.get("page", "1")[:9]),
    }
    return render(request, "variables/amplify.html", context)


@require_safe
def map_version(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show what Amplify held before a push. Restoring it leads to the preview of bulk edit."""
    access = _connected(request, app_id)
    version = queries.map_versions(access.app).filter(pk=pk).first()
    if version is None:
        raise Http404("Version not found.")
    branch = version.scope.branch
    is_deleted = branch is not None and branch.deleted_at is not None
    context = {
        **app_context(access, "variables"),
        "version": version,
        "scope": scope_name(branch),
        "rows": sorted(version.variables.items()),
        "text": json.dumps(version.variables, indent=2, sort_keys=True, ensure_ascii=False),
        "may_restore": not is_deleted and access.may_on(Permission.WRITE, branch),
    }
    return render(request, "variables/map_version.html", context)


def _connected(request: HttpRequest, app_id: str) -> Access:
    access = find_app(from_request(request), app_id, "connection")
    if queries.connection_of(access.app) is None:
        raise Http404("This app is not connected to Amplify.")
    return access


@require_POST
def push(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Push what waits, as those who saved it, and refresh the app if that is due.

    Pages send this when they have loaded. A button posts it to push at once.
    """
    actor, is_asked = from_request(request), not wants_fragment(request)
    pushed = push_waiting(find_app(actor, app_id).app, at_once=is_asked) or Pushed()
    if is_on() and not pushed.problem:
        refresh_for_page(actor=actor, app_id=app_id)
    if is_asked:
        messages.info(request, _sentence(pushed))
        if field(request.POST, "back") == "build":
            return redirect(settings_url(*access_and_settings(request, app_id)))
        return redirect("variables", app_id=app_id)
    if request.headers.get("HX-Target") != STATUS:  # another page than the list
        refresh = {"HX-Refresh": "true"} if pushed.done else {}
        return HttpResponse(status=204, headers=refresh)
    context = list_context(request, find_app(actor, app_id, "connection"))
    return render(request, "variables/list.html#pushed", {**context, "pushed": pushed})


def _sentence(pushed: Pushed) -> str:
    if pushed.problem:
        return pushed.problem
    if pushed.done:
        return (
            f"{pushed.done} {'change has' if pushed.done == 1 else 'changes have'} reached Amplify."
        )
    if pushed.waiting:
        return "Nothing was pushed: another push is running, or Amplify is slow. Try again soon."
    if pushed.left:
        changes = "1 change needs" if pushed.left == 1 else f"{pushed.left} changes need"
        return f"Nothing was pushed. {changes} a decision first."
    return "Nothing waits to be pushed."


@require_POST
def use(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Give a variable the value that Amplify holds."""
    try:
        outcome = deciding.use_amplify(
            actor=from_request(request), app_id=app_id, pk=pk, seen=field(request.POST, "seen")
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        if outcome.outcome is Result.DENIED:
            raise PermissionDenied(outcome.message)
        if outcome.outcome in DONE:
            messages.success(request, "Branchkeep now has Amplify's value.")
        else:
            messages.error(request, outcome.message)
    return _back(request, app_id)


@require_POST
def keep(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Push a variable over the value that Amplify holds."""
    actor, seen = from_request(request), field(request.POST, "seen")
    try:
        deciding.keep_ours(actor=actor, app_id=app_id, pk=pk, seen=seen)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        pushed = push_waiting(find_app(actor, app_id).app, at_once=True)
        row = SyncedVariable.objects.filter(pk=pk).first()
        if row is None:
            messages.success(request, "The variable was removed in Amplify.")
        else:
            _tell_kept(request, row, "value", pushed)
    return _back(request, app_id)


def _back(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Return to the list, if the decision was made there."""
    is_list = field(request.POST, "back") == "list"
    return redirect("variables" if is_list else "variables_amplify", app_id=app_id)


def _tell_kept(request: HttpRequest, row: Synced, what: str, pushed: Pushed | None) -> None:
    """Say what became of the push of what was kept."""
    if row.state == SyncState.SAME:
        messages.success(request, f"Amplify now has Branchkeep's {what}.")
    elif row.state == SyncState.PENDING and not row.problem:
        later = f"Branchkeep's {what} will be pushed to Amplify later."
        messages.info(request, f"{later} {pushed.problem if pushed else ''}".rstrip())
    else:
        messages.error(request, f"Nothing was pushed. {row.problem or AGAIN}")


@require_POST
def use_build_spec(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Replace the build settings with those that Amplify holds."""
    access, settings = access_and_settings(request, app_id)
    if _decide_build_spec(request, access, settings, deciding.use_build_spec):
        messages.success(request, "Branchkeep now has Amplify's build settings.")
    return redirect(settings_url(access, settings))


@require_POST
def keep_build_spec(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Push the build settings over those that Amplify holds."""
    access, settings = access_and_settings(request, app_id)
    if _decide_build_spec(request, access, settings, deciding.keep_build_spec):
        pushed = push_waiting(access.app, at_once=True)
        if row := queries.build_spec_of(access.app, settings.branch_id):
            _tell_kept(request, row, "build settings", pushed)
    return redirect(settings_url(access, settings))


def _decide_build_spec(
    request: HttpRequest, access: Access, settings: Settings, decide: Any
) -> bool:
    """Return True if that was decided. Otherwise the reason is shown."""
    try:
        decide(
            actor=access.actor,
            app_id=access.app.app_id,
            branch_id=settings.branch_id,
            seen=field(request.POST, "seen"),
        )
    except Conflict as conflict:
        messages.error(request, conflict.message)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        return True
    return False
