"""What views share: forms, the context of an app's pages, and rejected posts."""

from collections.abc import Callable
from functools import cache
from time import monotonic
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from console.access.actors import Actor, from_request
from console.access.acts import ConfirmationRequired
from console.access.branches import mark_of
from console.access.policy import (
    Access,
    Permission,
    find_app,
    require_operator,
)
from console.audit.events import Action, Target
from console.audit.refusals import record_refusal
from console.catalog.key_types import may_set
from console.catalog.notes import notes_of
from console.web import confirmation
from console.web.htmx import wants_fragment
from console.workflows.connected_apps.refreshing import is_due

Row = TypeVar("Row")

# Seconds that one response may take of a long save, which later ones go on with
PATIENCE = 5.0
FRAGMENT_PATIENCE = 1.0  # the script shows progress in between


page_with_form = require_http_methods(["GET", "HEAD", "POST"])


def app_context(access: Access, nav: str) -> dict[str, Any]:
    """Return the template context that every page of an app needs."""
    connection = getattr(access.app, "connection", None)  # find_app has loaded it
    return {
        "app": access.app,
        "nav": nav,
        "role": access.role,
        "connection": connection,
        "amplify_is_due": connection is not None and is_due(connection),
        "may_manage": access.may(Permission.MANAGE),
        # Only pages that ask for a mark need the branches.
        "mark_of": cache(lambda name: mark_of(name, access.branches)),
    }


def note_context(access: Access, key: str) -> dict[str, Any]:
    """Return the template context that shows a key's note, labels and type."""
    return {
        "key_note": notes_of(access.app, {key}).get(key),
        "may_note": not access.is_read_only,
        "may_type": may_set(access),
    }


def branch_id_from(query: QueryDict, name: str = "branch") -> int | None:
    """Return the branch id in a query string, or None for All branches. Raises Http404."""
    text = query.get(name, "")
    if text and (not text.isdecimal() or len(text) > 18):  # longer ones overflow the database
        raise Http404("Branch not found.")
    return int(text) if text else None


def form_data(request: HttpRequest) -> QueryDict | None:
    """Return the data for a form: the post, even an empty one, or None for other methods."""
    # Not `request.POST or None`: an empty post is falsy, but must bind the form.
    return request.POST if request.method == "POST" else None


def response_deadline(request: HttpRequest) -> Callable[[], bool]:
    """Return a function that returns True while this response may go on with a long save."""
    until = monotonic() + (FRAGMENT_PATIENCE if wants_fragment(request) else PATIENCE)
    return lambda: monotonic() < until


def done_before(request: HttpRequest) -> int:
    """Return how many values earlier posts of this form finished."""
    text = request.POST.get("done", "")
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def show_form(
    request: HttpRequest, template: str, form: BaseForm, context: dict[str, Any]
) -> HttpResponse:
    """Render a form. Status 422 if it was submitted and is invalid, otherwise 200.

    Status 403 if its act asks for re-authentication: the page then asks, with the form as typed.
    """
    status = 422 if form.is_bound else 200
    if asked := getattr(form, "confirmation", None):
        confirmation.ask(request, asked)
        status = 403
    return render(request, template, {"form": form, **context}, status=status)


def call_service(form: BaseForm, act: Callable[..., Row], **arguments: Any) -> Row | None:
    """Return the result of a service, or None and add its ValidationError to the form.

    Also None if the act asks for re-authentication, which `show_form` then does.
    """
    try:
        return act(**arguments)
    except ConfirmationRequired as asked:
        form.confirmation = asked  # type: ignore[attr-defined]  # for show_form
        return None
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None


def require_operator_request(request: HttpRequest, action: Action | None = None) -> Actor:
    """Return the actor if they are an operator.

    Another user's post is recorded as a denied `action`.
    """
    actor = from_request(request)
    if action and request.method == "POST" and not actor.is_operator:
        record_refusal(actor, action, Target())
    require_operator(actor)
    return actor


def find_app_to_change(request: HttpRequest, app_id: str, action: Action) -> Access:
    """Return the access of a member who may change something, for a post that is parsed next.

    Raises PermissionDenied for others, who are recorded as a denied `action`. The services decide
    on each change.
    """
    access = find_app(from_request(request), app_id)
    if access.is_read_only:
        record_refusal(access.actor, action, Target(app_id))
    access.require_writer()
    return access


def find_app_for_form(request: HttpRequest, app_id: str, action: Action) -> Access:
    """Return a member's access for a page with a form. A post needs one who may change something.

    Raises what `find_app_to_change` raises for a post.
    """
    if request.method == "POST":
        return find_app_to_change(request, app_id, action)
    return find_app(from_request(request), app_id)


def require_manager_access(
    request: HttpRequest, app_id: str, action: Action | None = None
) -> Access:
    """Return an owner's access to the app. Anyone else's post is recorded as a denied `action`."""
    access = find_app(from_request(request), app_id)
    if action and request.method == "POST" and not access.may(Permission.MANAGE):
        record_refusal(access.actor, action, Target(app_id))
    access.require(Permission.MANAGE)
    return access


def require_operator_access(request: HttpRequest, app_id: str, action: Action) -> Access:
    """Return the access of an owner of the app who is an operator.

    Anyone else's post is recorded as a denied `action`.
    """
    access = require_manager_access(request, app_id, action)
    if request.method == "POST" and not access.actor.is_operator:
        record_refusal(access.actor, action, Target(app_id))
    require_operator(access.actor)
    return access


def link_to(request: HttpRequest, name: str, token: str) -> str:
    """Return the link for a token, on the host that the user uses (one of ALLOWED_HOSTS)."""
    return request.build_absolute_uri(reverse(name, args=[token]))
