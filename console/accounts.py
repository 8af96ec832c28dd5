"""Sign-in: allauth's adapter, and the audit rows of who came and went."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed as step_completed
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.account.signals import user_logged_in as allauth_logged_in
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from console import attempts, confirmation, factors, sessions, single_sign_on
from console.actors import address_of, from_request
from console.audit import Action, Outcome, Target, attempt, conclude
from console.models import User

CONFIRM = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
    "oidc": "Use single sign-on",
}
_BEGUN = "sign_in_begun"
MEANWHILE = "Your password was changed or your account was disabled. Sign in again."


class Argon2(Argon2PasswordHasher):
    """Argon2id at OWASP's cost: 19 MiB a hash, so that sixteen threads fit in a small machine."""

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1


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
        self._login_failed_rl_usage = attempts.take(request, email)

    def reauthenticate(self, user: User, password: str) -> bool:
        """Check the password of who is signed in, counted and recorded as a sign-in is."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the ways to confirm who is signed in, in our words."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if not settings.PASSWORD_SIGN_IN:
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        if settings.OIDC_ISSUER and (not methods or single_sign_on.identities(user).exists()):
            methods.append({"id": "oidc", "url": reverse("single_sign_on")})
        return [{**method, "description": CONFIRM[method["id"]]} for method in methods]

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Say no, for who confirmed it lately; a fresh sign-in is a confirmation.

        Raises ReauthenticationRequired for others: told yes, allauth lets through whoever has
        neither a password nor a second factor here, as after single sign-on.
        """
        if not confirmation.is_recent(context.request):
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
        attempts.remember_browser(request, response, user.email)
        return response


def listen() -> None:
    """Record sign-ins, failed ones and sign-outs."""
    allauth_logged_in.connect(_signed_on, dispatch_uid="groups")
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    step_completed.connect(_step_completed, dispatch_uid="audit")
    mfa.authenticator_added.connect(_factor_added, dispatch_uid="audit")
    mfa.authenticator_removed.connect(_factor_removed, dispatch_uid="audit")
    mfa.authentication_failed.connect(_factor_failed, dispatch_uid="audit")
    for changed in (password_changed, password_set, password_reset):
        changed.connect(_password_changed, dispatch_uid="audit")


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(request)
    confirmation.confirm(request)
    ways = [way["method"] for way in get_authentication_records(request, user)]
    first_factors = [way for way in ways if way != "mfa"]
    detail = "by single sign-on" if first_factors[-1:] == ["socialaccount"] else ""
    _record(request, Action.SIGN_IN, Outcome.SUCCEEDED, detail=detail)


def _signed_on(
    request: HttpRequest, user: User, sociallogin: SocialLogin | None = None, **_: Any
) -> None:
    """Take over what the provider says: the groups, and when it last asked who he is.

    Whoever has a second factor here has just shown it.
    """
    if sociallogin is not None:
        single_sign_on.sync_groups(user, single_sign_on.claims(sociallogin))
        if not factors.has_factor(user):
            confirmation.confirm(request, at=single_sign_on.confirmed_at(sociallogin))


def _signed_out(request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        _record(request, Action.SIGN_OUT, Outcome.SUCCEEDED)


def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """Record it. This session has a new key now; all others ended with the old password."""
    _end_others(request, user)
    sessions.begin(request)
    _record(request, Action.PASSWORD_CHANGED, Outcome.SUCCEEDED, user.email)


def _end_others(request: HttpRequest, user: User) -> None:
    sessions.delete([row.session_key for row in sessions.others(request, user)])


def _step_completed(request: HttpRequest, method: str, **more: Any) -> None:
    """Note a confirmation; a step of a sign-in is not the whole of it."""
    if more.get("reauthenticated"):
        confirmation.confirm(request)
        _record(request, Action.IDENTITY_CONFIRMED, Outcome.SUCCEEDED, method)


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record it. Sessions that began without it end, whoever began them; its code is used up."""
    _end_others(request, user)
    if authenticator.type == Authenticator.Type.TOTP:
        authenticator.wrap().validate_code(request.POST.get("code", ""))
    _record(request, Action.FACTOR_ADDED, Outcome.SUCCEEDED, factors.name_of(authenticator))


def _factor_removed(request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    _record(request, Action.FACTOR_REMOVED, Outcome.SUCCEEDED, factors.name_of(authenticator))


def _factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, Action.SIGN_IN, Outcome.DENIED, user.email, "incorrect second factor")


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        email = str(credentials.get("email") or credentials.get("username") or "")
        _record(request, Action.SIGN_IN, Outcome.DENIED, email[:254])


def _record(
    request: HttpRequest, action: Action, outcome: Outcome, subject: str = "", detail: str = ""
) -> None:
    with transaction.atomic():
        event = attempt(from_request(request), action, Target(subject=subject))
        conclude(event.pk, outcome, detail=detail)
