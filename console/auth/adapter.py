"""Sign-in: allauth's adapter, and the audit rows of who came and went."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from console.access.actors import address_of
from console.auth import rate_limits, reauthentication
from console.auth.oidc import provisioning
from console.models import User

CONFIRM = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
    "oidc": "Use single sign-on",
}
_BEGUN = "sign_in_begun"
MEANWHILE = "Your password was changed or your account was disabled. Sign in again."


class ClosedAccounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """People are invited; nobody signs up by himself."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return no."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return what limits count by; allauth's own answer fails where there is no address."""
        return address_of(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try, before a hash is computed; allauth rolls it back if it succeeds."""
        email = str(credentials.get("email") or credentials.get("username") or "")
        if not settings.PASSWORD_SIGN_IN:
            raise PermissionDenied(
                "Branchkeep does not use passwords here. Sign in with single sign-on."
            )
        self._login_failed_rl_usage = rate_limits.take(request, email)

    def reauthenticate(self, user: User, password: str) -> bool:
        """Check the password of who is signed in, counted and recorded as a sign-in is."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the ways to confirm who is signed in, in our words."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if not settings.PASSWORD_SIGN_IN:
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        if settings.OIDC_ISSUER and (not methods or provisioning.identities(user).exists()):
            methods.append({"id": "oidc", "url": reverse("single_sign_on")})
        return [{**method, "description": CONFIRM[method["id"]]} for method in methods]

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Say no, for who confirmed it lately; a fresh sign-in is a confirmation.

        Raises ReauthenticationRequired for others: told yes, allauth lets through whoever has
        neither a password nor a second factor here, as after single sign-on.
        """
        if not reauthentication.is_recent(context.request):
            raise ReauthenticationRequired
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Note which password somebody has as he begins to sign in; a second factor may follow."""
        request.session[_BEGUN] = user.get_session_auth_hash()
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in, unless the password is another one by now, or the person disabled."""
        begun = request.session.pop(_BEGUN, "")
        if not (user.is_active and constant_time_compare(begun, user.get_session_auth_hash())):
            request.session.flush()
            messages.info(request, MEANWHILE)
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Let the browser be known from now on."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        rate_limits.remember_browser(request, response, user.email)
        return response
