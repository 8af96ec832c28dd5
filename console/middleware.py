"""What holds for every response."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from console import sessions
from console.errors import wrong_method
from console.models import User

Handler = Callable[[HttpRequest], HttpResponse]


class HttpsAlone:
    """Keeps browsers on HTTPS. TLS ends at the proxy, so Django sees HTTP and would say nothing."""

    def __init__(self, get_response: Handler) -> None:
        if not settings.SECURE_HSTS_SECONDS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the header, or put the same in its place."""
        response = self.get_response(request)
        response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response


class SessionLimits:
    """Ends a session that was idle for too long, or is too old; the sign-in page says so."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, as nobody's where its session is over."""
        if request.session.session_key and isinstance(request.user, User):
            self._look(request, request.user)
        return self.get_response(request)

    def _look(self, request: HttpRequest, user: User) -> None:
        if why := sessions.overdue(request, user):
            key = request.session.session_key
            request.session.flush()
            sessions.drop(key)
            request.user = AnonymousUser()
            messages.info(request, why)


class UncachedPages:
    """No shared cache keeps a page, and no cache takes a fragment for its page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers."""
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response


class AddressesOfForms:
    """Gives a page to whoever opens an address that takes posts alone, as Enter in a browser's
    address bar does after a reveal; Django's own answer is empty.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, and fill a 405."""
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        page = wrong_method(request)
        page["Allow"] = response["Allow"]
        return page
