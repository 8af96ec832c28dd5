"""Middleware for errors of the store that no form field can show."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.web.htmx import wants_fragment
from secrets_app.store.errors import StoreError


class StoreErrors:
    """Turn a StoreError into a page or a fragment that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return an error page for a StoreError, and None for other exceptions."""
        if not isinstance(error, StoreError):
            return None
        part = "#fragment" if wants_fragment(request) else ""
        context = {
            "sentence": error.message,
            "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        }
        return render(request, f"store_error.html{part}", context, status=error.status)
