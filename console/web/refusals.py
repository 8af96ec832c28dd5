"""Record unsafe requests that were refused: to outsiders, for other apps' ids, without a token, …

Services record what they deny. This records the rest, since nobody is told that an app exists, and
a page that doesn't exist for someone calls no service. Only the page's address pattern and the row
ids in it are recorded, never what was posted.
"""

import re
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirectBase

from console.access.actors import from_request
from console.audit import refusals
from console.audit.events import Action, Target, has_recorded_denial
from console.lib.naming.names import is_app_id
from console.models import App

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# Answers to a form that was understood: invalid input, or a conflict with another change
ANSWERS = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
NOT_SIGNED_IN = "not signed in"
_APP = "apps/<str:app_id>/"
_NUMBER = re.compile(r"<int:(\w+)>")


class RecordRefusals:
    """Records unsafe requests that were refused, unless a service has done so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE:
            return self.get_response(request)
        has_recorded_denial.set(False)
        response = self.get_response(request)
        reason = _reason(request, response)
        if reason and not has_recorded_denial.get():
            actor = from_request(request)
            refusals.record_refusal(actor, Action.REQUEST_REFUSED, _target(request), reason)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object
    ) -> None:
        """Note if the page needs a user and there is none: the answer is a redirect."""
        if not request.user.is_authenticated and getattr(view, "login_required", True):
            request.needs_sign_in = True  # type: ignore[attr-defined]  # read after the view


def _reason(request: HttpRequest, response: HttpResponse) -> str:
    """Return why the request was refused, or "" if it wasn't."""
    if getattr(request, "confirmation", None):  # asked for re-authentication, not refused
        return ""
    if getattr(request, "needs_sign_in", False) and isinstance(response, HttpResponseRedirectBase):
        return NOT_SIGNED_IN
    status = response.status_code
    return HTTPStatus(status).phrase if 400 <= status < 500 and status not in ANSWERS else ""


def _target(request: HttpRequest) -> Target:
    match = request.resolver_match
    if match is None:
        return Target(subject=f"{request.method} of an unknown address")
    ids = {name: value for name, value in match.kwargs.items() if isinstance(value, int)}
    route = _NUMBER.sub(lambda found: str(ids.get(found[1], found[0])), match.route)
    app_id = str(match.kwargs.get("app_id", ""))
    # Only an app that exists has a trail; and an id could be anything that someone typed.
    if is_app_id(app_id) and App.objects.filter(app_id=app_id).exists():
        return Target(app_id, subject=f"{request.method} {route.removeprefix(_APP)}")
    return Target(subject=f"{request.method} {route}")
