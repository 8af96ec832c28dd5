"""Single sign-on by OpenID Connect: who somebody is, and in which groups, the provider says.

The provider's subject names an account. One that is new here is the account of the same email, if
the provider says that the email is verified; else a new account, for who is invited, or in a group
that OIDC_GROUPS brings here. Others are turned away: people are added by an operator.
"""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from console.actors import Actor, from_request
from console.audit import Action, Target, recording, refuse
from console.errors import denied
from console.invitations import is_invited
from console.members import recorded_everywhere
from console.models import User

PROVIDER = Actor(kind="console", label="Single sign-on")
ALL = "*"
NO_EMAIL = (
    "The provider does not say that your email is verified, so the console can't tell who you are. "
    "Ask an operator."
)
UNKNOWN = "You have no account here. People are added by an operator: ask one."
FAILED = "The sign-in did not work out. Try again; if it stays so, ask an operator."
ONE_WAY = "Single sign-on only signs in here."


class SingleSignOn(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Finds or makes the account; refuses whatever else allauth could do with a provider."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in whom the console knows, or may come to know; nobody connects a second identity."""
        if sociallogin.state.get("process") != "login":
            _turn_away(request, "", ONE_WAY)
        told = claims(sociallogin)
        email = str(told.get("email") or "").strip().lower()
        if not (_one_subject(sociallogin) and _one_issuer(sociallogin)):
            _turn_away(request, email, FAILED)
        if sociallogin.is_existing:
            return
        if not email or told.get("email_verified") is not True:
            _turn_away(request, email, NO_EMAIL)
        if user := User.objects.filter(email=email).first():
            sociallogin.connect(request, user)
        elif not groups_of(told).exists() and not is_invited(email):
            _turn_away(request, email, UNKNOWN)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return yes: whoever may have none was turned away."""
        return True

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> User:
        """Lower the email, so that one person has one account."""
        user: User = super().populate_user(request, sociallogin, data)
        user.email = user.email.strip().lower()
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make the account, recorded."""
        subject = f"{sociallogin.user.email}: added by single sign-on"
        with recording(PROVIDER, Action.USER_CHANGED, Target(subject=subject)):
            user: User = super().save_user(request, sociallogin, form)
        return user

    def on_authentication_error(self, request: HttpRequest, provider: Any, **_: Any) -> None:
        """Answer with our own page, whatever went wrong; what it was is the provider's to tell."""
        _turn_away(request, "", FAILED)


def _turn_away(request: HttpRequest, email: str, sentence: str) -> None:
    subject = f"{email} by single sign-on".strip()
    refuse(from_request(request), Action.SIGN_IN, Target(subject=subject[:254]))
    raise ImmediateHttpResponse(denied(request, PermissionDenied(sentence)))


def claims(sociallogin: SocialLogin) -> dict[str, Any]:
    """Return what the provider tells of somebody, in the ID token and beside it."""
    told = sociallogin.account.extra_data
    return {**told.get("id_token", {}), **told.get("userinfo", {})}


def _one_subject(sociallogin: SocialLogin) -> bool:
    """Say whether there is an ID token, and both speak of one person (OpenID Connect Core 5.3)."""
    told = sociallogin.account.extra_data
    return "id_token" in told and len({part.get("sub") for part in told.values()}) == 1


def _one_issuer(sociallogin: SocialLogin) -> bool:
    """Say whether the token's issuer is the one that was asked (OpenID Connect Discovery 4.3).

    allauth has held it against the issuer that the provider's own document names; that could be
    any. A slash at the end makes no difference: some write one, and settings.py takes it off.
    """
    issuer = str(sociallogin.account.extra_data["id_token"].get("iss"))
    return issuer.rstrip("/") == settings.OIDC_ISSUER


def groups_of(told: dict[str, Any]) -> QuerySet[Group]:
    """Return the console's groups that the claim and OIDC_GROUPS come to."""
    claim = told.get(settings.OIDC_GROUPS_CLAIM) or []
    names = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    theirs = [name for name in names[:1000] if isinstance(name, str)]
    mapping = settings.OIDC_GROUPS
    ours = theirs if ALL in mapping else [mapping[name] for name in theirs if name in mapping]
    return Group.objects.filter(name__in=ours)


def sync_groups(user: User, told: dict[str, Any]) -> None:
    """Put the user into the groups that the provider says, and out of others that it speaks for.

    With `*` it speaks for all; with a mapping for those in it; without either for none.
    """
    if not settings.OIDC_GROUPS:
        return
    speaks_for = Group.objects.all()
    if ALL not in settings.OIDC_GROUPS:
        speaks_for = speaks_for.filter(name__in=settings.OIDC_GROUPS.values())
    wanted, has = set(groups_of(told)), set(user.groups.all())
    for group in sorted(wanted - has, key=str):
        _move(user, group, joins=True)
    for group in sorted((has & set(speaks_for)) - wanted, key=str):
        _move(user, group, joins=False)


def _move(user: User, group: Group, *, joins: bool) -> None:
    """Record it, for the deployment and for each app of the group's, and do it."""
    said = [f"{group.name}: {'in' if joins else 'out'}: {user.email}"]
    with recorded_everywhere(PROVIDER, Action.GROUP_CHANGED, group, said):
        (user.groups.add if joins else user.groups.remove)(group)
