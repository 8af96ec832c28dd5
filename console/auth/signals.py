"""Audit events for sign-ins, sign-outs and second factors: signals of Django and allauth."""

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
from console.auth import mfa as second_factors
from console.auth import reauthentication, sessions
from console.auth.oidc import provisioning
from console.models import User


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
    reauthentication.confirm(request)
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
        provisioning.sync_groups(user, provisioning.claims(sociallogin))
        if not second_factors.has_factor(user):
            reauthentication.confirm(request, at=provisioning.confirmed_at(sociallogin))


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
        reauthentication.confirm(request)
        _record(request, Action.IDENTITY_CONFIRMED, Outcome.SUCCEEDED, method)


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record it. Sessions that began without it end, whoever began them; its code is used up."""
    _end_others(request, user)
    if authenticator.type == Authenticator.Type.TOTP:
        authenticator.wrap().validate_code(request.POST.get("code", ""))
    _record(request, Action.FACTOR_ADDED, Outcome.SUCCEEDED, second_factors.name_of(authenticator))


def _factor_removed(request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    _record(
        request, Action.FACTOR_REMOVED, Outcome.SUCCEEDED, second_factors.name_of(authenticator)
    )


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
