"""Record sign-ins, sign-outs and second factors, from signals of Django and allauth."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed as step_completed
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.account.signals import user_logged_in as allauth_logged_in
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from console.access.actors import from_request
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.auth import reauthentication, sessions
from console.auth.mfa import factors
from console.auth.oidc.claims import claims, confirmed_at
from console.auth.oidc.groups import sync_groups
from console.models import User


def connect_receivers() -> None:
    """Connect the receivers of this module."""
    allauth_logged_in.connect(_single_sign_on_completed, dispatch_uid="groups")
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_sign_in_failed, dispatch_uid="audit")
    step_completed.connect(_step_completed, dispatch_uid="audit")
    mfa.authenticator_added.connect(_factor_added, dispatch_uid="audit")
    mfa.authenticator_removed.connect(_factor_removed, dispatch_uid="audit")
    mfa.authentication_failed.connect(_factor_failed, dispatch_uid="audit")
    for changed in (password_changed, password_set, password_reset):
        changed.connect(_password_changed, dispatch_uid="audit")


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(request)
    reauthentication.record(request)
    methods = [method["method"] for method in get_authentication_records(request, user)]
    first_factors = [method for method in methods if method != "mfa"]
    detail = "by single sign-on" if first_factors[-1:] == ["socialaccount"] else ""
    _record(request, Action.SIGN_IN, Outcome.SUCCEEDED, detail=detail)


def _single_sign_on_completed(
    request: HttpRequest, user: User, sociallogin: SocialLogin | None = None, **_: Any
) -> None:
    """Apply the provider's claims: the groups, and when the user last authenticated there.

    A user with a second factor has just shown it, which counts instead.
    """
    if sociallogin is not None:
        sync_groups(user, claims(sociallogin))
        if not factors.has_factor(user):
            reauthentication.record(request, at=confirmed_at(sociallogin))


def _signed_out(request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        _record(request, Action.SIGN_OUT, Outcome.SUCCEEDED)


def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """Record it. This session gets a new key; all others ended with the old password."""
    _end_other_sessions(request, user)
    sessions.begin(request)
    _record(request, Action.PASSWORD_CHANGED, Outcome.SUCCEEDED, user.email)


def _end_other_sessions(request: HttpRequest, user: User) -> None:
    sessions.delete(sessions.other_sessions(request, user))


def _step_completed(request: HttpRequest, method: str, **more: Any) -> None:
    """Record a re-authentication. A single step of a sign-in is not complete yet."""
    if more.get("reauthenticated"):
        reauthentication.confirm(request, method)


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record it, end the user's other sessions, and use up the code that was entered.

    Other sessions began without the second factor, perhaps by someone who only knows the password.
    """
    _end_other_sessions(request, user)
    if authenticator.type == Authenticator.Type.TOTP:
        authenticator.wrap().validate_code(request.POST.get("code", ""))
    _record(request, Action.FACTOR_ADDED, Outcome.SUCCEEDED, factors.factor_label(authenticator))


def _factor_removed(request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    _record(
        request,
        Action.FACTOR_REMOVED,
        Outcome.SUCCEEDED,
        factors.factor_label(authenticator),
    )


def _factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, _proof(request), Outcome.DENIED, user.email, "incorrect second factor")


def _sign_in_failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    if request is not None:
        email = str(credentials.get("email") or credentials.get("username") or "")
        _record(request, _proof(request), Outcome.DENIED, email[:254])


def _proof(request: HttpRequest) -> Action:
    """Return what the user failed to prove: a signed-in user only confirms who they are."""
    return Action.IDENTITY_CONFIRMED if request.user.is_authenticated else Action.SIGN_IN


def _record(
    request: HttpRequest, action: Action, outcome: Outcome, subject: str = "", detail: str = ""
) -> None:
    with transaction.atomic():
        event = attempt(from_request(request), action, Target(subject=subject))
        conclude(event.pk, outcome, detail=detail)
