"""Pages of one variable: detail, restore, erase, move to secrets."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import OUTSIDE, from_request
from console.access.policy import Access, Permission, find_app
from console.environment.sources import source_of
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import field, new_base, version
from console.lib.text.invisible import preview_value
from console.lib.text.likely_secrets import secret_warning
from console.models import scope_name
from console.web.change_sets import undo_address
from console.web.htmx import wants_fragment
from console.web.kit import app_context, note_context, page_with_form
from console.web.lists.takes_effect import effect_of
from console.workflows.warnings.finding import shown
from envvars_app import secrets_bridge
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.formats.env import ENV
from envvars_app.formats.hints import describe_key
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import history, warnings

VERSIONS_PER_PAGE = 25
MAX_EARLIER = 25
NO_TRUNCATION = 100_000  # characters: longer than any value
BRANCH_DELETED = (
    "This branch was deleted, so you can't add secrets to it. Remove the variable, then erase "
    "its values on its page."
)


@require_safe
def detail(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show a variable and its versions, even if it is removed."""
    access = find_app(from_request(request), app_id)
    return _show(request, access, history.find_variable(access, pk))


def _show(
    request: HttpRequest, access: Access, variable: Variable, problem: str = ""
) -> HttpResponse:
    page = Paginator(variable.versions.all(), VERSIONS_PER_PAGE).get_page(
        request.GET.get("page", "1")[:9]
    )
    shared, related = _variable_context(access, variable), _related_variables(variable)
    is_unreachable = variable.removed_at is not None and shared["deleted"]
    context = {
        **shared,
        **related,
        **note_context(access, variable.key),
        "may_restore": shared["may_write"] and not related["now"] and not is_unreachable,
        "page": page,
        "effect": effect_of(access, "variable", variable.branch, variable.key),
        "versions": list(_versions(variable, list(page.object_list))),
        "problem": problem,
        "key_warnings": [
            it
            for it in shown(access, warnings.of_app(access, {variable.key}))
            if it.pk == variable.pk
        ],
    }
    part = "#detail" if wants_fragment(request) and not problem else ""
    if not part and not variable.removed_at:
        source = source_of("variable")
        context["explanation"] = source.explain(access, variable.key, variable.branch)
    status = 422 if problem else 200
    return render(request, f"variables/detail.html{part}", context, status=status)


def _variable_context(access: Access, variable: Variable) -> dict[str, Any]:
    """Return the template context that all pages of one variable share."""
    return {
        **app_context(access, "variables"),
        "variable": variable,
        "outside": OUTSIDE.label,
        "scope": scope_name(variable.branch),
        "shown": preview_value(variable.value, longest=NO_TRUNCATION),
        # HTML parsers turn a literal CR into LF.
        "exact": SafeString(escape(variable.value).replace("\r", "&#13;")),
        "may_write": access.may_on(Permission.WRITE, variable.branch),
        "deleted": BRANCH_DELETED if _is_on_deleted_branch(variable) else "",
        **_env_line(variable),
        "meaning": describe_key(variable.key),
        "secret_warning": secret_warning(variable.key, variable.value),
        "can_erase": variable.removed_at is not None
        and variable.versions.filter(value__isnull=False, forgotten=False).exists(),
    }


def _env_line(variable: Variable) -> dict[str, str]:
    """Return the variable as a line of a `.env` file, or why it can't be one."""
    rendered = ENV.render({variable.key: variable.value})
    if variable.key in rendered.left_out:
        return {"env_line": "", "no_line": rendered.left_out[variable.key]}
    return {"env_line": rendered.text.removesuffix("\n"), "no_line": ""}


def _is_on_deleted_branch(variable: Variable) -> bool:
    return variable.branch is not None and variable.branch.deleted_at is not None


def _related_variables(variable: Variable) -> dict[str, Any]:
    """Return the variables with the same key: overrides, base, and ones removed earlier."""
    rows = Variable.objects.filter(app=variable.app_id, key=variable.key).exclude(pk=variable.pk)
    live = list(rows.filter(removed_at=None).select_related("branch").order_by("branch__sort_key"))
    removed_earlier = rows.filter(branch=variable.branch_id, removed_at__isnull=False)
    if variable.removed_at is not None:
        removed_earlier = removed_earlier.filter(removed_at__lt=variable.removed_at)
    earlier = list(removed_earlier.order_by("-removed_at")[: MAX_EARLIER + 1])
    return {
        "overrides": [row for row in live if row.branch_id] if variable.branch_id is None else [],
        "base": next((row for row in live if variable.branch_id and row.branch_id is None), None),
        "now": next((row for row in live if row.branch_id == variable.branch_id), None),
        "earlier": earlier[:MAX_EARLIER],
        "older": len(earlier) > MAX_EARLIER,  # the page of the last one shown lists the rest
    }


def _versions(variable: Variable, page: list[VariableVersion]) -> Iterator[dict[str, Any]]:
    """Yield each version with the value before it."""
    if not page:  # deleted for good a moment ago
        return
    older = variable.versions.filter(version=page[-1].version - 1).first()
    for row, previous in zip(page, [*page[1:], older], strict=True):
        old = previous.value if previous and not previous.forgotten else None
        new = row.value if not row.forgotten else None
        yield {
            "row": row,
            "renamed_from": previous.key if previous and previous.key != row.key else "",
            "first": row.version == 1,
            "old": None if old is None or old == new else preview_value(old, new or ""),
            "new": None if new is None else preview_value(new, old or ""),
            "current": row.version == variable.version and variable.removed_at is None,
            "restorable": new is not None
            and (variable.removed_at is not None or new != variable.value),
        }


@require_POST
def restore(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Restore the value of a version. Restoring a removed variable adds it again."""
    actor, change_set = from_request(request), uuid.uuid4()
    try:
        outcome = history.restore(
            actor=actor,
            app_id=app_id,
            pk=pk,
            version=version(field(request.POST, "version")),
            base=version(field(request.POST, "base")),
            change_set=change_set,
        )
        problem = _problem_message(outcome)
    except ValidationError as refusal:
        problem = " ".join(refusal.messages)
    access = find_app(actor, app_id)
    variable = history.find_variable(access, pk)
    if problem:
        return _show(request, access, variable, problem)
    push_waiting(access.app)
    address = undo_address(access, change_set)
    messages.success(request, f"Restored {variable.key}.", extra_tags=address)
    return redirect("variable_detail", app_id=app_id, pk=outcome.pk or pk)


def _problem_message(outcome: RowOutcome) -> str:
    """Return why the change failed, or "". Raises PermissionDenied if it was denied."""
    if outcome.outcome is Result.DENIED:
        raise PermissionDenied(outcome.message)
    return "" if outcome.outcome in DONE else outcome.message


@require_POST
def erase_history(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Erase all values of a removed variable, which turned out to be a secret."""
    try:
        variable = history.erase_history(actor=from_request(request), app_id=app_id, pk=pk)
        messages.success(request, f"Erased the values of {variable.key}.")
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("variable_detail", app_id=app_id, pk=pk)


@page_with_form
def move(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Move a variable to the secrets, after a page that explains the effect."""
    actor = from_request(request)
    access = find_app(actor, app_id)
    variable = history.find_variable(access, pk)
    if request.method != "POST":
        access.require_on(Permission.WRITE, variable.branch)
        if variable.removed_at is not None:
            return redirect("variable_detail", app_id=app_id, pk=pk)
        return _move_page(request, access, variable)
    secret_base, secret_revision = new_base(field(request.POST, "secret_base"))
    outcome = secrets_bridge.move_to_secrets(
        actor=actor,
        app_id=app_id,
        pk=pk,
        base=version(field(request.POST, "base")),
        secret_base=max(0, secret_base),
        secret_revision=secret_revision,
    )
    if _problem_message(outcome):
        return _move_page(request, access, history.find_variable(access, pk), outcome)
    if outcome.outcome is Result.REMOVED:
        messages.info(request, f"{variable.key} had already been removed. Nothing was moved.")
        return redirect("variable_detail", app_id=app_id, pk=pk)
    push_waiting(access.app)
    messages.success(request, f"{variable.key} is now a secret. {outcome.message}")
    return redirect("secrets", app_id=app_id)


def _move_page(
    request: HttpRequest, access: Access, variable: Variable, outcome: RowOutcome | None = None
) -> HttpResponse:
    paths, path_problem = secrets_bridge.secret_paths(access, variable)
    path_problem = BRANCH_DELETED if _is_on_deleted_branch(variable) else path_problem
    context = {
        **_variable_context(access, variable),
        **_related_variables(variable),
        "paths": paths,
        "path_problem": path_problem,
        "problem": outcome.message if outcome and not path_problem else "",
        "secret_base": secrets_bridge.secret_base(outcome) if outcome else "",
    }
    return render(request, "variables/move.html", context, status=422 if outcome else 200)
