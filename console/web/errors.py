"""Error pages, or fragments for requests that want one. They reveal only a request id."""

import sys
from typing import Any

import structlog
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    TooManyFieldsSent,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from console.db.faults import fault_of
from console.web import csrf
from console.web.encodings import NotUtf8
from console.web.htmx import wants_fragment

NOT_UNDERSTOOD = (
    "Your browser sent a request that Branchkeep can't read. Go back, reload the page, and try "
    "again."
)
SIGNED_OUT = (
    "Your session ended before this request was finished, so its result is unknown. Sign in and "
    "check before you send it again."
)
WRONG_HOST = (
    "Branchkeep does not serve this host name. Check the address. If it is right, an operator must "
    "add its name to ALLOWED_HOSTS, and the proxy must pass the Host header on."
)
TOO_LARGE = "This request is too large. Nothing was saved. Go back and send it in smaller parts."


def request_id() -> str:
    """Return the ID under which the log has this request."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _page(request: HttpRequest, status: int, sentence: str, heading: str = "") -> HttpResponse:
    context = {"sentence": sentence, "heading": heading, "request_id": request_id()}
    part = "service_error.html#fragment" if wants_fragment(request) else f"{status}.html"
    return render(request, part, context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a 400 that says what was wrong.

    A user who was signed out while the request was processed learns that the act may be done.
    """
    if isinstance(exception, SessionInterrupted):
        return _page(request, 400, SIGNED_OUT, heading="You have been signed out")
    if isinstance(exception, DisallowedHost):
        return _page(request, 400, WRONG_HOST, heading="Unknown host name")
    if isinstance(exception, NotUtf8):
        return _page(request, 400, str(exception))
    large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    return _page(request, 400, TOO_LARGE if large else NOT_UNDERSTOOD)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a 403 with our own message, which names the role."""
    return _page(request, 403, str(exception) or "You don't have permission to do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a 404, the same for what doesn't exist and for what the user may not see."""
    return _page(request, 404, "This page does not exist, or you don't have access to it.")


def wrong_method(request: HttpRequest) -> HttpResponse:
    """Return a 405 for an address that only takes posts."""
    return _page(
        request,
        405,
        "This address only accepts form submissions. Go back to the page you came from.",
    )


def failed(request: HttpRequest) -> HttpResponse:
    """Return a 500, or a 503 that says why if the database can't answer or save.

    The templates use no context processor, because one might query the database again.
    """
    fault = fault_of(sys.exception())
    status = 503 if fault else 500
    page = render_to_string(f"{status}.html", {"fault": fault, "request_id": request_id()})
    response = HttpResponse(page, status=status)
    if fault:
        response["Retry-After"] = "60"
    return response


def csrf_failed(request: HttpRequest, reason: str = "", **_: Any) -> HttpResponse:
    """Return a 403 for a post that may not be from one of our pages. It names the true reason."""
    part = "#fragment" if wants_fragment(request) else ""
    context = {"refusal": csrf.explain(request, reason), "request_id": request_id()}
    return render(request, f"403_csrf.html{part}", context, status=403)
