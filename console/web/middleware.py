"""What holds for every response."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import MiddlewareNotUsed, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import patch_cache_control, patch_vary_headers

from console.access.actors import from_request
from console.auth import mfa, sessions
from console.models import User
from console.web.errors import wrong_method
from console.web.htmx import wants_fragment

Handler = Callable[[HttpRequest], HttpResponse]
SETTING_UP = {
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "account_reauthenticate",
    "account_logout",
}


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
            self._look(request)
        return self.get_response(request)

    def _look(self, request: HttpRequest) -> None:
        if why := sessions.touch(request):
            request.session.flush()
            request.user = AnonymousUser()
            messages.info(request, why)


class SecondFactorFirst:
    """Leads who has to have a second factor (REQUIRE_MFA) to setting it up, and to nothing else."""

    def __init__(self, get_response: Handler) -> None:
        if settings.REQUIRE_MFA == mfa.Required.OFF:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_: Any
    ) -> HttpResponseBase | None:
        """Stop what is not for setting it up; what is open to all stays so."""
        user, match = request.user, request.resolver_match
        if not isinstance(user, User) or not getattr(view, "login_required", True):
            return None
        if not mfa.must_enroll(from_request(request), user):
            return None
        if match and match.url_name in SETTING_UP:
            request.must_set_up = True  # type: ignore[attr-defined]  # its page says so
            return None
        if request.method == "GET" and not wants_fragment(request):
            return redirect("mfa_index")
        raise PermissionDenied(
            "You need a second factor to continue. Set one up under “Second factor” in the "
            "account menu."
        )


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
