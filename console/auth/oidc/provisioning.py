"""Single sign-on by OpenID Connect: who somebody is, and in which groups, the provider says.

The provider's subject names an account. One that is new here is the account of the same email, if
the provider says that the email is verified, and no other subject has that account; else a new
account, for who is invited, or in a group that OIDC_GROUPS brings here. Others are turned away:
people are added by an operator.
"""

import time
from typing import Any, NoReturn

import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.db.transaction import atomic
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare

from console.access.actors import Actor, address_of, from_request
from console.access.policy import require_operator
from console.audit.events import Action, Target, record_denied, recording
from console.auth import sessions
from console.auth.oidc.client import (
    InvalidProviderResponse,
    Provider,
    ProviderSession,
    ProviderUnavailable,
)
from console.auth.rate_limits import WINDOW
from console.auth.reauthentication import counts
from console.members.invitations import is_invited
from console.members.services import recording_in_every_app
from console.models import User

log = structlog.get_logger()

PROVIDER = Actor(kind="console", label="Single sign-on")
ALL = "*"
NO_EMAIL = (
    "The provider has not verified your email address, so Branchkeep can't identify you. Ask an "
    "operator for help."
)
UNKNOWN = "You don't have an account here. Ask an operator to add you."
DISABLED = "Your account is disabled. If you need it, ask an operator."
TAKEN = (
    "Another identity at the provider is linked to the account with your email address. If both "
    "are yours, ask an operator to unlink the old one."
)
OTHER = (
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
OVER = (
    "This sign-in has expired: it was already used, took longer than ten minutes, or started in "
    "another browser. Start again."
)
FAILED = (
    "Sign-in failed. Try again. If the problem persists, ask an operator, who can find the "
    "reason in Branchkeep's log."
)
UNREACHABLE = "The provider can't be reached. Try again in a minute."
BUSY = "Too many people are signing in right now. Try again in a minute."


class SingleSignOn(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Finds or makes the account, before allauth would make one; signs up nobody else."""

    def get_requests_session(self) -> ProviderSession:
        """Return what asks the provider."""
        return ProviderSession()

    def get_provider(self, request: HttpRequest, provider: str, client_id: Any = None) -> Provider:
        """Return the one provider. Raises SocialApp.DoesNotExist where there is none."""
        return Provider(request, app=self.get_app(request, provider=provider, client_id=client_id))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in whom the console knows, or may come to know."""
        # A second factor may follow, and the session would keep them
        sociallogin.token = None
        sociallogin.state.pop("pkce_code_verifier", None)
        nonce = str(sociallogin.account.extra_data["id_token"].get("nonce"))
        if not constant_time_compare(nonce, sociallogin.state["nonce"]):
            raise InvalidProviderResponse("the ID token was issued for another sign-in")
        known = sociallogin.is_existing
        if not known:
            sociallogin.user = _user_of(request, sociallogin)
        if not sociallogin.user.is_active:
            _turn_away(request, sociallogin.user.email, DISABLED)
        if not known:
            _link(request, sociallogin)
        if sociallogin.state["confirms"]:
            _confirms(request, sociallogin)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **more: Any) -> None:
        """Answer with our own page, whatever went wrong. Some providers refuse without a state."""
        if exception := more.get("exception"):
            raise ImmediateHttpResponse(failed(request, exception))
        code = request.GET.get("error")
        if code is None:
            _turn_away(request, "", OVER)
        if code == "access_denied":
            _turn_away(request, "", CANCELLED)
        raise ImmediateHttpResponse(
            failed(request, InvalidProviderResponse(f"it answered “{code[:100]}”"))
        )


def _user_of(request: HttpRequest, sociallogin: SocialLogin) -> User:
    """Return the account for a subject that is new here, made where there is none."""
    email = verified_email(sociallogin)
    if not email:
        _turn_away(request, "", NO_EMAIL)
    user = User.objects.filter(email=email).first()
    if user is None:
        if not groups_of(claims(sociallogin)) and not is_invited(email):
            _turn_away(request, email, UNKNOWN)
        user = _added(email)
    return user


def _added(email: str) -> User:
    """Make an account without a password; he may come twice in one instant."""
    subject = f"{email}: added by single sign-on"
    with recording(PROVIDER, Action.USER_CHANGED, Target(subject=subject)):
        user, _ = User.objects.get_or_create(
            email=email, defaults={"password": make_password(None)}
        )
    return user


def _link(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Let the subject be the account from now on, unless another one is.

    The row is locked: of two that come in one instant the second finds the first.
    """
    user, account = sociallogin.user, sociallogin.account
    subject = f"{user.email}: linked to single sign-on"
    try:
        with recording(PROVIDER, Action.USER_CHANGED, Target(subject=subject)), atomic():
            account.user = User.objects.select_for_update().get(pk=user.pk)
            has = identities(user).first()
            if has is None:
                account.save()
            elif has.uid != account.uid:
                raise ValidationError(TAKEN)
    except ValidationError:
        _turn_away(request, user.email, TAKEN)


def _confirms(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Turn away who confirms as somebody else, or was not asked who he is."""
    if request.user.is_authenticated and request.user.pk != sociallogin.user.pk:
        _turn_away(request, sociallogin.user.email, OTHER)
    at = confirmed_at(sociallogin)
    if not at:
        raise InvalidProviderResponse(
            "the ID token does not tell when the provider asked (auth_time)"
        )
    if not counts(at):
        _turn_away(request, sociallogin.user.email, NOT_ASKED)


def confirmed_at(sociallogin: SocialLogin) -> float:
    """Return when he last proved to the provider who he is (seconds since 1970), 0 for unknown.

    The signed token alone tells it, always where a confirmation is asked for (OpenID Connect Core
    3.1.2.1): else somebody may have changed the question on its way through his browser.
    """
    at = sociallogin.account.extra_data["id_token"].get("auth_time")
    if isinstance(at, int | float):
        return at
    believed = sociallogin.state["confirms"] and settings.OIDC_TRUST_PROMPT
    return time.time() if believed else 0


def _turn_away(request: HttpRequest, email: str, sentence: str) -> NoReturn:
    raise ImmediateHttpResponse(_turned_away(request, email, sentence))


def _turned_away(request: HttpRequest, email: str, sentence: str) -> HttpResponse:
    """Record it; of those without an email one in five minutes, for anybody can make them up."""
    subject = f"{email} by single sign-on".strip()
    if email or cache.add(f"console.single_sign_on.{address_of(request)}", True, WINDOW):
        record_denied(from_request(request), Action.SIGN_IN, Target(subject=subject[:254]))
    return not_signed_in(request, sentence, 403)


def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer that the provider can't be reached, or be believed; the log says why."""
    told = str(error) if isinstance(error, InvalidProviderResponse) else type(error).__name__
    log.warning("single_sign_on_failed", reason=told[:500])
    if isinstance(error, ProviderUnavailable):
        return not_signed_in(request, UNREACHABLE, 503)
    return _turned_away(request, "", FAILED)


def not_signed_in(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """Answer with the sentence, and a way back."""
    name = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    context = {"sentence": sentence, "status": status, "request_id": name}
    return render(request, "account/not_signed_in.html", context, status=status)


def identities(user: User) -> QuerySet[SocialAccount]:
    """Return who the user is at the provider."""
    found: QuerySet[SocialAccount] = SocialAccount.objects.filter(
        user=user, provider=settings.OIDC_ISSUER
    )
    return found


def forget(*, actor: Actor, identity: SocialAccount) -> None:
    """Let a provider's subject be nobody's, as an operator does where it is another one by now.

    Who signed in by it may be somebody else, so the user's sessions end. Raises PermissionDenied
    for an actor who is no operator.
    """
    subject = f"{identity.user.email}: unlinked from single sign-on"
    with recording(actor, Action.USER_CHANGED, Target(subject=subject)):
        require_operator(actor)
        identity.delete()
    sessions.end_all(actor=actor, user=identity.user)


def claims(sociallogin: SocialLogin) -> dict[str, Any]:
    """Return what the provider tells of somebody, in the ID token and beside it."""
    told = sociallogin.account.extra_data
    return {**told.get("id_token", {}), **told.get("userinfo", {})}


def verified_email(sociallogin: SocialLogin) -> str:
    """Return the email that the provider vouches for, "" for none.

    It and the word for it come from one place. ASCII alone is lowered: of other letters some
    become those of another's address.
    """
    told = sociallogin.account.extra_data
    for part in (told["id_token"], told.get("userinfo", {})):
        email = part.get("email")
        if _is_verified(part) and isinstance(email, str) and _is_email(email):
            return email.encode().lower().decode()
    return ""


def _is_verified(told: dict[str, Any]) -> bool:
    """Say whether the provider vouches for the email that it tells there.

    Microsoft Entra ID has `xms_edov` for it, as an optional claim; a no of the other stays one.
    """
    if "email_verified" in told:
        return told["email_verified"] is True
    return told.get("xms_edov") in (True, "1")


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254


def groups_of(told: dict[str, Any]) -> set[Group]:
    """Return the console's groups that the claim and OIDC_GROUPS come to."""
    theirs, mapping = set(told.get(settings.OIDC_GROUPS_CLAIM, [])), settings.OIDC_GROUPS
    ours = theirs if ALL in mapping else {mapping[name] for name in theirs & mapping.keys()}
    return {group for group in Group.objects.all() if group.name in ours}


def sync_groups(user: User, told: dict[str, Any]) -> None:
    """Put the user into the groups that the provider says, and out of others that it speaks for.

    With `*` it speaks for all; with a mapping for those in it; without either for none.
    """
    if not settings.OIDC_GROUPS:
        return
    speaks_for = Group.objects.all()
    if ALL not in settings.OIDC_GROUPS:
        speaks_for = speaks_for.filter(name__in=settings.OIDC_GROUPS.values())
    wanted, has = groups_of(told), set(user.groups.all())
    for group in sorted(wanted - has, key=str):
        _move(user, group, joins=True)
    for group in sorted((has & set(speaks_for)) - wanted, key=str):
        _move(user, group, joins=False)


def _move(user: User, group: Group, *, joins: bool) -> None:
    """Record it, for the deployment and for each app of the group's, and do it."""
    said = [f"{group.name}: {'added' if joins else 'removed'} {user.email}"]
    with recording_in_every_app(PROVIDER, Action.GROUP_CHANGED, group, said):
        (user.groups.add if joins else user.groups.remove)(group)
