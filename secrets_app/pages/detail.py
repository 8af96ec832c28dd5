"""The page of one secret: its paths, versions and latest events, and a reveal."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.audit import presentation as trail
from console.environment.sources import source_of
from console.lib.row_forms import version as parse_version
from console.models import scope_name
from console.web.change_sets import change_set_token
from console.web.htmx import wants_fragment
from console.web.kit import app_context, note_context
from console.web.lists.takes_effect import effect_of
from secrets_app.locations import find_secret, require_location
from secrets_app.models import Secret
from secrets_app.pages.values import dotenv_line, value_context
from secrets_app.projection import kept_by_writes
from secrets_app.queries import find_row
from secrets_app.reveal import reveal as reveal_value
from secrets_app.store.errors import StoreError
from secrets_app.writes.snapshots import audit_target


@require_safe
def detail(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show a secret's paths, version and latest events. The browser then loads its versions."""
    return show(request, find_app(from_request(request), app_id), pk)


def show(
    request: HttpRequest,
    access: Access,
    pk: int,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page. `more` adds a value, the versions, or a comparison."""
    secret = find_secret(access, pk)
    branches = [branch for branch in access.branches if branch.pk == secret.branch_id]
    row = find_row(access, pk, branches)
    if row is None:  # removed a moment ago
        raise Http404("Secret not found.")
    context = {
        **app_context(access, "secrets"),
        "row": row,
        **_paths(access, secret),
        **note_context(access, secret.key),
        "version": secret.version,
        "change_set": change_set_token(access, access.app.path_profile),
        "store_details": kept_by_writes(secret, is_operator=access.actor.is_operator),
        "effect": effect_of(access, "secret", secret.branch, secret.key),
        "guarded": access.decide(Permission.REVEAL, secret.branch).is_protected,
        "events": trail.events_of_secret(
            access.app.app_id,
            {scope_name(secret.branch), audit_target(access, secret.branch, secret.key).branch},
            secret.key,
        ),
        **(more or {}),
    }
    part = "#below" if wants_fragment(request) else ""
    if not part:
        context["explanation"] = source_of("secret").explain(access, secret.key, secret.branch)
    return render(request, f"secrets/detail.html{part}", context, status=status)


def _paths(access: Access, secret: Secret) -> dict[str, Any]:
    try:
        location = require_location(access, secret)
    except StoreError as error:
        return {"paths": [], "note": error.message}
    mirror = [("Documented path (mirror)", location.mirror)] if location.mirror else []
    return {"paths": [("Parameter path", location.primary), *mirror], "note": location.note}


@require_POST
def reveal(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Reveal a value, or that of an earlier version, in a response that is never cached."""
    actor, posted = from_request(request), request.POST.get("version")
    version = None if posted is None else parse_version(posted)
    value = reveal_value(actor=actor, app_id=app_id, pk=pk, version=version)
    if request.POST.get("as") == "line":
        secret = find_secret(find_app(actor, app_id), pk)
        value = dotenv_line(secret.key, value)
    context: dict[str, Any] = {**value_context(value), "revealed": version}
    if wants_fragment(request):
        response = render(request, "secrets/detail.html#value", context)
    else:
        response = show(request, find_app(actor, app_id), pk, context)
    response["Cache-Control"] = "no-store"
    return response
