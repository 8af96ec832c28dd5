"""Adapt allauth's accounts: password sign-in, re-authentication and rate limits."""

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

METHOD_LABELS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
    "oidc": "Use single sign-on",
}
_STARTED_WITH = "sign_in_begun"
CREDENTIALS_CHANGED = "Your password was changed or your account was disabled. Sign in again."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are created by invitation or by operators. Nobody signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that rate limits count. allauth's version fails if there is none."""
        return address_of(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt before a password is hashed. allauth rolls it back after a success."""
        email = str(credentials.get("email") or credentials.get("username") or "")
        if not settings.PASSWORD_SIGN_IN:
            raise PermissionDenied(
                "Branchkeep does not use passwords here. Sign in with single sign-on."
            )
        self._login_failed_rl_usage = rate_limits.consume(request, email)

    def reauthenticate(self, user: User, password: str) -> bool:
        """Check the signed-in user's password, counted and recorded like a sign-in."""
        user_found = self.authenticate(context.request, email=user.email, password=password)
        return user_found is not None and user_found.pk == user.pk

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the user's methods to re-authenticate, with our labels."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if not settings.PASSWORD_SIGN_IN:
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        if settings.OIDC_ISSUER and (not methods or provisioning.identities(user).exists()):
            methods.append({"id": "oidc", "url": reverse("single_sign_on")})
        return [{**method, "description": METHOD_LABELS[method["id"]]} for method in methods]

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Return False if the user has authenticated recently.

        Otherwise raises ReauthenticationRequired: if this returned True, allauth would let users
        through who have neither a password nor a second factor here, as after single sign-on.
        """
        if not reauthentication.is_recent(context.request):
            raise ReauthenticationRequired
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Remember the password that the sign-in starts with; a second factor may follow."""
        request.session[_STARTED_WITH] = user.get_session_auth_hash()
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in, unless the password was changed or the user disabled since the start."""
        started_with = request.session.pop(_STARTED_WITH, "")
        if not (
            user.is_active and constant_time_compare(started_with, user.get_session_auth_hash())
        ):
            request.session.flush()
            messages.info(request, CREDENTIALS_CHANGED)
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Remember the browser for rate limits."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        rate_limits.remember_browser(request, response, user.email)
        return response
