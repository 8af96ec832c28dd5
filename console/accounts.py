"""Sign-in: allauth's adapter, and the audit rows of who came and went."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from console.actors import from_request
from console.audit import Action, Outcome, Target, attempt, conclude
from console.models import User


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

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count failures by person alone: allauth adds the Host, whose port anyone can vary."""
        return str(credentials.get("email") or credentials.get("username") or "").lower()


def listen() -> None:
    """Record sign-ins, failed ones and sign-outs."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    for changed in (password_changed, password_set, password_reset):
        changed.connect(_password_changed, dispatch_uid="audit")


def _signed_in(request: HttpRequest, **_: Any) -> None:
    _record(request, Action.SIGN_IN, Outcome.SUCCEEDED)


def _signed_out(request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        _record(request, Action.SIGN_OUT, Outcome.SUCCEEDED)


def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, Action.PASSWORD_CHANGED, Outcome.SUCCEEDED, user.email)


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        email = str(credentials.get("email") or credentials.get("username") or "")
        _record(request, Action.SIGN_IN, Outcome.DENIED, email[:254])


def _record(request: HttpRequest, action: Action, outcome: Outcome, subject: str = "") -> None:
    with transaction.atomic():
        event = attempt(from_request(request), action, Target(subject=subject))
        conclude(event.pk, outcome)
