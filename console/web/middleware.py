"""Middleware for all pages: addresses, sessions, second factors, caching and failed services."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import MiddlewareNotUsed, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control, patch_vary_headers

from console.access.actors import from_request
from console.auth import sessions
from console.auth.mfa import factors
from console.lib.hosts import DEFAULT_PORTS
from console.lib.service_calls import ServiceError
from console.models import User
from console.web.errors import request_id, wrong_method
from console.web.htmx import wants_fragment

Handler = Callable[[HttpRequest], HttpResponse]
_PORT = re.compile(r":([0-9]*)\Z", re.ASCII)
ENROLLMENT_VIEWS = {
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "account_reauthenticate",
    "account_logout",
}


class BrowserAddress:
    """Gives each request the scheme, host and path that its browser used.

    Settings say what these are, never a header: TLS ends at the proxy, and proxies may drop the
    port or BASE_URL's path.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.prefix: str = settings.FORCE_SCRIPT_NAME or ""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        if not settings.LOCAL:
            request.META["wsgi.url_scheme"] = "https"
        if "HTTP_HOST" in request.META:
            request.META["HTTP_HOST"] = self._host(request)
        if self.prefix and f"{request.path_info}/".startswith(f"{self.prefix}/"):
            request.path_info = request.path_info.removeprefix(self.prefix) or "/"
            request.path = self.prefix + request.path_info
        return self.get_response(request)

    def _host(self, request: HttpRequest) -> str:
        """Return the Host header with BASE_URL's port, and without the scheme's default one."""
        host: str = request.META["HTTP_HOST"]
        name, port = _PORT.sub("", host), _PORT.search(host)
        if settings.BASE_URL and name.lower() == settings.BASE_URL.host:
            return str(settings.BASE_URL.netloc)
        is_default = port and port[1] == DEFAULT_PORTS.get(request.scheme or "")
        return name if is_default else host


class CompressedPages(GZipMiddleware):
    """Compresses pages. Django adds random bytes, so that the size tells little (BREACH).

    Secret values leave in responses to POST only, which stay as they are, as do files.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Compress a page that a GET asked for."""
        is_page = response.get("Content-Type", "").startswith("text/html")
        if request.method != "GET" or not is_page:
            return response
        return super().process_response(request, response)


class SessionLimits:
    """Ends sessions that were idle too long or are too old. The sign-in page then says why."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, anonymously if its session has expired."""
        if request.session.session_key and isinstance(request.user, User):
            self._end_if_expired(request)
        return self.get_response(request)

    def _end_if_expired(self, request: HttpRequest) -> None:
        if reason := sessions.touch(request):
            request.session.flush()
            request.user = AnonymousUser()
            messages.info(request, reason)


class RequireSecondFactor:
    """Redirects users who need a second factor (REQUIRE_MFA) to enrollment until they have one."""

    def __init__(self, get_response: Handler) -> None:
        if settings.REQUIRE_MFA == factors.Required.OFF:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_: Any
    ) -> HttpResponseBase | None:
        """Stop every view except enrollment and public pages."""
        user, match = request.user, request.resolver_match
        if not isinstance(user, User) or not getattr(view, "login_required", True):
            return None
        if not factors.must_enroll(from_request(request), user):
            return None
        if match and match.url_name in ENROLLMENT_VIEWS:
            request.must_set_up = True  # type: ignore[attr-defined]  # its page says so
            return None
        # Only a page load can follow a redirect to enrollment. Posts and fragments get an error.
        if request.method == "GET" and not wants_fragment(request):
            return redirect("mfa_index")
        raise PermissionDenied(
            "You need a second factor to continue. Set one up under “Second factor” in the "
            "account menu."
        )


class PrivatePages:
    """Keeps pages out of shared caches, and fragments from being cached as their page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Pages and fragments share a URL, so caches must tell them apart by this header.
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response


class MethodNotAllowedPage:
    """Shows a page when someone opens an address that only takes posts. Django's response is empty.

    This happens after a reveal, when the user presses Enter in the browser's address bar.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        page = wrong_method(request)
        page["Allow"] = response["Allow"]
        return page


class ServiceErrors:
    """Turns an error of the parameter store or Amplify into a page that says what to do."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return a page or a fragment for a ServiceError, and None for other exceptions."""
        if not isinstance(error, ServiceError):
            return None
        part = "#fragment" if wants_fragment(request) else ""
        context = {
            "service": error.service,
            "sentence": error.message,
            "request_id": request_id(),
        }
        return render(request, f"service_error.html{part}", context, status=error.status)
