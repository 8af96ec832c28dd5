"""Pages of the build settings: view, edit, remove, download, versions."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import OUTSIDE, from_request
from console.access.amplify_apps import find_amplify_app
from console.access.policy import Access, Permission
from console.lib import row_forms
from console.lib.naming.names import ALL_BRANCHES
from console.models import Branch
from console.web.kit import app_context, branch_id_from, page_with_form
from envvars_app import build_settings as services
from envvars_app.amplify_sync.deciding import fingerprint_of
from envvars_app.amplify_sync.queries import build_spec_of, connection_of
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.build_settings import Conflict, Settings
from envvars_app.buildspec.checking import LIMIT, Problem
from envvars_app.buildspec.diffing import MAX_SHOWN_LINES, diff
from envvars_app.models import SyncState
from envvars_app.pages.build_forms import base_version
from envvars_app.variables.pending import is_build_spec_held

MAX_PROBLEMS = 50
VERSIONS_PER_PAGE = 25


def access_and_settings(request: HttpRequest, app_id: str) -> tuple[Access, Settings]:
    """Return the access to the app, and the settings of the scope in the query string."""
    access = find_amplify_app(from_request(request), app_id, "connection")
    branch = services.find_scope(access, branch_id_from(request.GET))
    return access, services.effective_settings(access.app, branch)


def scope_context(access: Access, settings: Settings) -> dict[str, Any]:
    """Return the template context that all pages of a scope share."""
    return {
        **app_context(access, "build_settings"),
        "settings": settings,
        "may_write": _may_write(access, settings.branch),
        "query": _query(settings),
        "outside": OUTSIDE.label,
    }


def _may_write(access: Access, branch: Branch | None) -> bool:
    deleted = branch is not None and branch.deleted_at is not None
    return not deleted and access.may_on(Permission.WRITE, branch)


def settings_url(access: Access, settings: Settings) -> str:
    """Return the URL of a scope's page."""
    return reverse("build_settings", args=[access.app.app_id]) + _query(settings)


def _query(settings: Settings) -> str:
    return f"?branch={settings.branch_id}" if settings.branch else ""


@require_safe
def build_settings(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show a scope's specification, its problems and its versions."""
    access, settings = access_and_settings(request, app_id)
    problems = services.problems(access, settings, settings.text)
    context = {
        **scope_context(access, settings),
        **_amplify(access, settings),
        "scopes": _scopes(access, settings),
        "may_remove": settings.is_own
        and access.may_on(Permission.WRITE, settings.branch)
        and not is_build_spec_held(access.app, settings.branch_id),
        "problems": problems[:MAX_PROBLEMS],
        "lines": _lines(settings.text, problems),
        "page": Paginator(services.version_history(settings), VERSIONS_PER_PAGE).get_page(
            request.GET.get("page", "1")
        ),
    }
    return render(request, "build/settings.html", context)


def _amplify(access: Access, settings: Settings) -> dict[str, Any]:
    """Return how a connected app's settings compare with those in Amplify."""
    if connection_of(access.app) is None:
        return {}
    row = build_spec_of(access.app, settings.branch_id)
    if row is None or row.state == SyncState.SAME:
        return {"is_connected": True}
    return {
        "is_connected": True,
        "difference": row,
        "is_waiting": row.state == SyncState.PENDING and not row.problem,
        "seen": fingerprint_of(row, settings.own),
        "theirs": diff(settings.text, row.held) if row.held is not None else [],
    }


def _differs(access: Access, settings: Settings) -> bool:
    """Return True if nothing is pushed until somebody decides a difference."""
    row = build_spec_of(access.app, settings.branch_id) if connection_of(access.app) else None
    return row is not None and row.state in {SyncState.CONFLICT, SyncState.DRIFT}


def _scopes(access: Access, settings: Settings) -> list[tuple[str, str]]:
    notes = {True: " (own settings)", False: ""}
    return [("", ALL_BRANCHES)] + [
        (
            str(branch.pk),
            f"{branch.marked_name}{notes[own]}{' (deleted)' if branch.deleted_at else ''}",
        )
        for branch, own in services.branches_with_overrides(access, settings.branch)
    ]


def _lines(text: str, problems: list[Problem]) -> list[dict[str, Any]]:
    worst: dict[int, str] = {}
    for problem in problems:  # min: "error" sorts before "warning"
        worst[problem.line] = min(problem.severity, worst.get(problem.line, problem.severity))
    lines = text.removesuffix("\n").split("\n")
    if (left_out := len(lines) - MAX_SHOWN_LINES) > 0:
        lines[MAX_SHOWN_LINES:] = [f"… {left_out:,} more lines, which the download contains"]
    return [
        {"number": number, "text": line, "severity": worst.get(number, "")}
        for number, line in enumerate(lines, start=1)
    ]


@page_with_form
def edit(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Edit a scope's specification. A branch without one starts with the text it inherits."""
    access, settings = access_and_settings(request, app_id)
    if request.method == "POST":
        return _save(request, access, settings)
    access.require_on(Permission.WRITE, settings.branch)
    return _show_edit(request, access, settings, settings.text)


def _show_edit(
    request: HttpRequest, access: Access, settings: Settings, text: str, **more: Any
) -> HttpResponse:
    context = {
        **scope_context(access, settings),
        "text": text,
        "base": settings.base,
        "limit": LIMIT,
        "differs": _differs(access, settings),
        **more,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "build/edit.html", context, status=status)


def _save(request: HttpRequest, access: Access, settings: Settings) -> HttpResponseBase:
    text, base = row_forms.text(request.POST, "text"), base_version(request.POST)
    try:
        row = services.save(
            actor=access.actor,
            app_id=access.app.app_id,
            branch_id=settings.branch_id,
            text=text,
            base=base,
        )
    except Conflict as conflict:
        # Rendering with their version as the new base lets the next save overwrite it knowingly.
        theirs = conflict.current
        more = {"conflict": conflict, "diff": diff(theirs.text, text)}
        return _show_edit(request, access, theirs, text, **more)
    except ValidationError as refusal:
        more = {
            "base": base,
            "refusal": refusal.messages,
            "problems": _quoted(access, settings, text),
        }
        return _show_edit(request, access, settings, text, **more)
    push_waiting(access.app)
    messages.success(request, f"Saved the build settings as version {row.version}.")
    return redirect(settings_url(access, settings))


def _quoted(access: Access, settings: Settings, text: str) -> list[dict[str, Any]]:
    """Return the problems of a text, each with the line it is about."""
    lines = text.split("\n")
    return [
        {"problem": problem, "text": lines[problem.line - 1].strip()[:120]}
        for problem in services.problems(access, settings, text)[:MAX_PROBLEMS]
    ]


@page_with_form
def remove(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Ask, then remove a scope's specification. It can be restored."""
    access, settings = access_and_settings(request, app_id)
    if request.method != "POST":
        access.require_on(Permission.WRITE, settings.branch)
        return render(request, "build/remove.html", scope_context(access, settings))
    try:
        services.remove(
            actor=access.actor,
            app_id=app_id,
            branch_id=settings.branch_id,
            base=base_version(request.POST),
        )
    except (Conflict, ValidationError) as problem:
        messages.error(request, _problem_message(problem))
    else:
        messages.success(request, f"Removed the build settings of {settings.scope}.")
    return redirect(settings_url(access, settings))


def _problem_message(problem: Conflict | ValidationError) -> str:
    if isinstance(problem, Conflict):
        return f"{problem.message} Review them, then try again."
    return " ".join(problem.messages)


@require_safe
def download(request: HttpRequest, app_id: str) -> HttpResponse:
    """Send a scope's specification as amplify.yml."""
    _, settings = access_and_settings(request, app_id)
    return HttpResponse(
        settings.text,
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="amplify.yml"'},
    )


@require_safe
def version(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show a version and what restoring it would change."""
    access = find_amplify_app(from_request(request), app_id)
    shown = services.find_version(access, pk)
    settings = services.effective_settings(access.app, shown.build_spec.branch)
    context = scope_context(access, settings) | {
        "version": shown,
        "is_current": settings.is_own and shown.version == settings.base,
        "diff": [] if shown.text is None else diff(settings.text, shown.text),
        "lines": [] if shown.text is None else _lines(shown.text, []),
    }
    return render(request, "build/version.html", context)


@require_POST
def restore(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Restore an earlier version."""
    actor = from_request(request)
    try:
        row = services.restore(actor=actor, app_id=app_id, pk=pk, base=base_version(request.POST))
    except (Conflict, ValidationError) as problem:
        messages.error(request, _problem_message(problem))
        return redirect("build_version", app_id=app_id, pk=pk)
    messages.success(request, f"Restored the build settings as version {row.version}.")
    access = find_amplify_app(actor, app_id)
    push_waiting(access.app)
    return redirect(settings_url(access, services.effective_settings(access.app, row.branch)))
