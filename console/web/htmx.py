"""Detect htmx requests. Fragments are named partials of the same page under the same URL."""

from django.http import HttpRequest


def wants_fragment(request: HttpRequest) -> bool:
    """Return True if htmx or our script asks for a fragment.

    A history restore needs the whole page.
    """
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers
