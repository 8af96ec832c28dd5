"""What views share: forms, the context of an app's pages, and refused posts."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from console.access.actors import Actor, from_request
from console.access.policy import (
    Access,
    Permission,
    find_app,
    require_operator,
)
from console.audit.events import Action, Target, record_denied

Row = TypeVar("Row")


page_with_form = require_http_methods(["GET", "HEAD", "POST"])


def app_context(access: Access, nav: str) -> dict[str, Any]:
    """Return what every page of an app shows around its content."""
    return {
        "app": access.app,
        "nav": nav,
        "role": access.role,
        "may_manage": access.may(Permission.MANAGE),
    }


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what a form is bound to: the post, were it empty, else nothing."""
    return request.POST if request.method == "POST" else None


def show_form(
    request: HttpRequest, template: str, form: BaseForm, context: dict[str, Any]
) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, template, {"form": form, **context}, status=status)


def saved_by(form: BaseForm, act: Callable[..., Row], **arguments: Any) -> Row | None:
    """Return what a service made of a form; what it refuses becomes the form's own errors."""
    try:
        return act(**arguments)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None


def operated(request: HttpRequest, action: Action | None = None) -> Actor:
    """Return an operator; anyone else's post is recorded as a refused `action`."""
    actor = from_request(request)
    if action and request.method == "POST" and not actor.is_operator:
        record_denied(actor, action, Target())
    require_operator(actor)
    return actor


def managed(request: HttpRequest, app_id: str, action: Action | None = None) -> Access:
    """Return an owner's access to an app; anyone else's post is recorded as a refused `action`."""
    access = find_app(from_request(request), app_id)
    if action and request.method == "POST" and not access.may(Permission.MANAGE):
        record_denied(access.actor, action, Target(app_id))
    access.require(Permission.MANAGE)
    return access
