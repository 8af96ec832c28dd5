"""Sign users in with OpenID Connect, and take their groups from the provider.

A user is identified by issuer and subject. A new subject is linked to the account with the same
email, if the provider has verified that email and no other subject is linked to the account. If
there is no such account, one is created for people who are invited, or who are in a group that
OIDC_GROUPS maps. Everyone else is turned away: operators add users.
"""

from typing import Any, NoReturn

import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.transaction import atomic
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare

from console.access import acts
from console.access.actors import Actor, address_of, from_request
from console.access.policy import require_operator
from console.audit.events import Action, Target, record_denied, recording
from console.auth import sessions
from console.auth.mfa.factors import has_factor
from console.auth.oidc.claims import claims, confirmed_at, verified_email
from console.auth.oidc.client import (
    InvalidProviderResponse,
    Provider,
    ProviderSession,
    ProviderUnavailable,
)
from console.auth.oidc.groups import PROVIDER, groups_of
from console.auth.rate_limits import WINDOW
from console.members import suspension
from console.members.invitations import is_invited
from console.models import User

log = structlog.get_logger()

REASON = "an identity of single sign-on was linked to the account"
NO_EMAIL = (
    "The provider has not verified your email address, so Branchkeep can't identify you. Ask an "
    "operator for help."
)
UNKNOWN = "You don't have an account here. Ask an operator to add you."
DISABLED = "Your account is disabled. If you need it, ask an operator."
ALREADY_LINKED = (
    "Another identity at the provider is linked to the account with your email address. If both "
    "are yours, ask an operator to unlink the old one."
)
OTHER_USER = (
    "You signed in at the provider as a different user, so your identity was not confirmed. Sign "
    "in there with this account, then try again."
)
NOT_ASKED = (
    "The provider did not ask you to sign in, so your identity was not confirmed. Sign out "
    "there, then try again."
)
CANCELLED = (
    "Sign-in at the provider was canceled, or the provider doesn't allow you to use Branchkeep. "
    "Try again. If the problem persists, ask the provider's administrator."
)
EXPIRED = (
    "This sign-in has expired: it was already used, took longer than ten minutes, or started in "
    "another browser. Start again."
)
FAILED = (
    "Sign-in failed. Try again. If the problem persists, ask an operator, who can find the "
    "reason in Branchkeep's log."
)
UNREACHABLE = "The provider can't be reached. Try again in a minute."
BUSY = "Too many people are signing in right now. Try again in a minute."


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Finds or creates the account before allauth would, and rejects everyone else."""

    def get_requests_session(self) -> ProviderSession:
        """Return the session for requests to the provider."""
        return ProviderSession()

    def get_provider(self, request: HttpRequest, provider: str, client_id: Any = None) -> Provider:
        """Return the configured provider, or raise SocialApp.DoesNotExist."""
        return Provider(request, app=self.get_app(request, provider=provider, client_id=client_id))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Sign in a known or newly linked user, or raise ImmediateHttpResponse."""
        # A second factor may follow, and until then the session would keep these.
        sociallogin.token = None
        sociallogin.state.pop("pkce_code_verifier", None)
        nonce = str(sociallogin.account.extra_data["id_token"].get("nonce"))
        if not constant_time_compare(nonce, sociallogin.state["nonce"]):
            raise InvalidProviderResponse("the ID token was issued for another sign-in")
        is_known = sociallogin.is_existing
        if not is_known:
            sociallogin.user = _find_or_create_user(request, sociallogin)
        if not sociallogin.user.is_active:
            _deny(request, sociallogin.user.email, DISABLED)
        if not is_known:
            _link_identity(request, sociallogin)
        if sociallogin.state["confirms"]:
            _check_reauthentication(request, sociallogin)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **more: Any) -> None:
        """Answer every error with our own page. Some providers report a refusal without a state."""
        if exception := more.get("exception"):
            raise ImmediateHttpResponse(failed(request, exception))
        code = request.GET.get("error")
        if code is None:
            _deny(request, "", EXPIRED)
        if code == "access_denied":
            _deny(request, "", CANCELLED)
        raise ImmediateHttpResponse(
            failed(request, InvalidProviderResponse(f"it answered “{code[:100]}”"))
        )


def _find_or_create_user(request: HttpRequest, sociallogin: SocialLogin) -> User:
    """Return the account for a subject that is new here."""
    email = verified_email(sociallogin)
    if not email:
        _deny(request, "", NO_EMAIL)
    user = User.objects.filter(email=email).first()
    if user is None:
        if not groups_of(claims(sociallogin)) and not is_invited(email):
            _deny(request, email, UNKNOWN)
        user = _create_user(email)
    return user


def _create_user(email: str) -> User:
    """Create an account without a password."""
    subject = f"{email}: added by single sign-on"
    with recording(PROVIDER, Action.USER_CHANGED, Target(subject=subject)):
        # The same person may arrive twice at the same moment.
        user, _ = User.objects.get_or_create(
            email=email, defaults={"password": make_password(None)}
        )
    return user


def _link_identity(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Link the subject to the account, unless another subject is.

    The row is locked: if two subjects arrive at once, the second finds the first. The provider's
    administrator decides who the subject is, so an account that was in use before is suspended.
    """
    user, account = sociallogin.user, sociallogin.account
    what = "linked to single sign-on"
    is_trusted = suspension.is_unused(user)
    change = what if is_trusted else f"{what}; {suspension.SUSPENDED}"
    try:
        with (
            suspension.recording_change(PROVIDER, Action.ACCOUNT_CHANGED, user, change),
            atomic(),
        ):
            account.user = User.objects.select_for_update().get(pk=user.pk)
            linked = identities(user).first()
            if linked is not None and linked.uid != account.uid:
                raise ValidationError(ALREADY_LINKED)
            if linked is None:
                account.save()
                if not is_trusted:
                    suspension.suspend(user, reason=REASON, proof=_proof(user))
    except ValidationError:
        _deny(request, user.email, ALREADY_LINKED)


def _proof(user: User) -> suspension.Proof:
    """Return what proves the user apart from the new identity."""
    if has_factor(user):
        return suspension.Proof.FACTOR
    can_use_password = settings.PASSWORD_SIGN_IN and user.has_usable_password()
    return suspension.Proof.PASSWORD if can_use_password else suspension.Proof.OWNERS


def _check_reauthentication(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Turn the browser away if another user signed in, or if the provider didn't ask again."""
    if request.user.is_authenticated and request.user.pk != sociallogin.user.pk:
        _deny(request, sociallogin.user.email, OTHER_USER)
    at = confirmed_at(sociallogin)
    if not at:
        raise InvalidProviderResponse(
            "the ID token does not say when the provider asked (auth_time)"
        )
    if not acts.is_recent(at):
        _deny(request, sociallogin.user.email, NOT_ASKED)


def _deny(request: HttpRequest, email: str, sentence: str) -> NoReturn:
    raise ImmediateHttpResponse(_denied(request, email, sentence))


def _denied(request: HttpRequest, email: str, sentence: str) -> HttpResponse:
    """Record the denial and return the response.

    Without an email only one per address and window is recorded, since anyone can cause them.
    """
    subject = f"{email} by single sign-on".strip()
    if email or cache.add(f"console.single_sign_on.{address_of(request)}", True, WINDOW):
        record_denied(from_request(request), Action.SIGN_IN, Target(subject=subject[:254]))
    return not_signed_in(request, sentence, 403)


def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the response if the provider can't be reached or trusted. The log says why."""
    reason = str(error) if isinstance(error, InvalidProviderResponse) else type(error).__name__
    log.warning("single_sign_on_failed", reason=reason[:500])
    if isinstance(error, ProviderUnavailable):
        return not_signed_in(request, UNREACHABLE, 503)
    return _denied(request, "", FAILED)


def not_signed_in(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """Return a page with the message and a link back."""
    name = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    context = {"sentence": sentence, "status": status, "request_id": name}
    return render(request, "account/not_signed_in.html", context, status=status)


def identities(user: User) -> QuerySet[SocialAccount]:
    """Return the user's identities at the provider."""
    found: QuerySet[SocialAccount] = SocialAccount.objects.filter(
        user=user, provider=settings.OIDC_ISSUER
    )
    return found


def unlink_identity(*, actor: Actor, identity: SocialAccount) -> None:
    """Remove a user's identity, for example because the subject now belongs to someone else.

    Someone else may be signed in through it, so all sessions of the user end. Raises
    PermissionDenied unless the actor is an operator.
    """
    subject = f"{identity.user.email}: unlinked from single sign-on"
    with recording(actor, Action.USER_CHANGED, Target(subject=subject)):
        require_operator(actor)
        identity.delete()
    sessions.end_all(actor=actor, user=identity.user)
