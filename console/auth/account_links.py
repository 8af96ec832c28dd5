"""One-time links with which users set a password or remove their second factors.

An operator makes the link, and never sets a password: it is mailed to the user. Without mail, the
operator gets the link, so the user is suspended until another owner of each app confirms them.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPException

import structlog
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from console.access.actors import Actor
from console.access.policy import require_operator
from console.audit.events import Action
from console.auth import sessions
from console.auth.mfa import factors
from console.members import suspension
from console.members.suspension import SUSPENDED, Proof, recording_change
from console.models import AccountLink, User

log = structlog.get_logger()

Kind = AccountLink.Kind
LIFETIME = timedelta(days=1)
_TOKEN_BYTES = 32
NO_PASSWORDS = "Branchkeep does not use passwords here. People sign in with single sign-on."
USED = "This link has been used, was replaced or has expired. Ask an operator for a new one."

_MAIL = """\
{who} made this link for your Branchkeep account {email}. It is for {what}:

{link}

It works once, within a day. If you didn't ask for it, don't open the link, and tell the owners of
your apps.
"""

_NEW_ADDRESS = """\
{who} changed the email address of your Branchkeep account {email}. Mail from Branchkeep goes to the
new address from now on.

If you didn't ask for it, tell the owners of your apps.
"""


def make_link(
    *,
    actor: Actor,
    user: User,
    kind: AccountLink.Kind,
    link_to: Callable[[str], str],
    show: bool = False,
) -> str:
    """Make a one-time link and replace an earlier one of its kind.

    Returns "" if it was mailed to the user. Otherwise, or with `show`, returns the link, and the
    user is suspended, unless nobody has ever used the account. `link_to` builds a link from a
    token. Raises ValidationError, and PermissionDenied unless the actor is an operator.
    """
    token, is_mailed = secrets.token_urlsafe(_TOKEN_BYTES), settings.MAIL and not show
    is_trusted = is_mailed or suspension.is_unused(user)
    result = "mailed to them" if is_mailed else "shown to the operator"
    what = f"{kind.label}, {result}" + ("" if is_trusted else f"; {SUSPENDED}")
    with recording_change(actor, Action.ACCOUNT_LINK_MADE, user, what):
        require_operator(actor)
        _check(actor, user, kind)
        with transaction.atomic():
            if not is_trusted:
                suspension.suspend(user, reason=_reason(actor, kind), proof=_proof(user, kind))
            row, _ = AccountLink.objects.update_or_create(
                user=user,
                kind=kind,
                defaults={
                    "token_hash": _hash(token),
                    "fingerprint": _fingerprint(user),
                    "expires_at": timezone.now() + LIFETIME,
                },
            )
        if not is_mailed:
            return link_to(token)
        _send(actor, row, link_to(token))
        return ""


def _check(actor: Actor, user: User, kind: AccountLink.Kind) -> None:
    if actor.user_id == user.pk:
        raise ValidationError(
            "This is your own account. Use the account menu on Branchkeep's pages."
        )
    if not user.is_active:
        raise ValidationError("This account is disabled. Enable it first.")
    if kind == Kind.PASSWORD and not settings.PASSWORD_SIGN_IN:
        raise ValidationError(NO_PASSWORDS)


def _reason(actor: Actor, kind: AccountLink.Kind) -> str:
    return f"{actor.label} got a one-time link for {kind.label}"[:200]


def _proof(user: User, kind: AccountLink.Kind) -> Proof:
    """Return what still proves the user when someone else has a link of this kind."""
    return Proof.FACTOR if kind == Kind.PASSWORD and factors.has_factor(user) else Proof.OWNERS


def _send(actor: Actor, row: AccountLink, link: str) -> None:
    """Mail the link. If that fails, nobody has it, so it is deleted."""
    text = _MAIL.format(
        who=actor.label, email=row.user.email, what=row.get_kind_display(), link=link
    )
    try:
        send_mail("Your Branchkeep account", text, None, [row.user.email])
    except (OSError, SMTPException) as error:
        row.delete()
        raise ValidationError(
            "The mail server rejected the mail, so no link was made. Try again, or check the mail "
            "settings."
        ) from error


def tell_old_address(*, actor: Actor, address: str) -> None:
    """Mail a person that their account has another address now. Without mail, do nothing."""
    if not settings.MAIL:
        return
    text = _NEW_ADDRESS.format(who=actor.label, email=address)
    try:
        send_mail("Your Branchkeep account", text, None, [address])
    except (OSError, SMTPException) as error:  # the members of their apps are told too
        log.warning("account.old_address_not_told", error=type(error).__name__)


def find_link(token: str) -> AccountLink:
    """Return the valid link behind a token, or raise Http404."""
    found = AccountLink.objects.select_related("user").filter(
        token_hash=_hash(token), expires_at__gt=timezone.now(), user__is_active=True
    )
    link = found.first()
    if link is None or not constant_time_compare(link.fingerprint, _fingerprint(link.user)):
        raise Http404(USED)
    return link


def set_password(*, actor: Actor, token: str, password: str) -> User:
    """Set the user's password with a link, which ends their sessions and all of their links."""
    user = find_link(token).user
    change = recording_change(actor, Action.ACCOUNT_RESET, user, Kind.PASSWORD.label)
    with change, transaction.atomic():
        user = _use(token, Kind.PASSWORD)
        user.set_password(password)
        user.save(update_fields=["password"])
        suspension.weaken_proof(user, Proof.PASSWORD)
    sessions.end_all(actor=actor, user=user)
    return user


def remove_factors(*, actor: Actor, token: str) -> User:
    """Remove all second factors of a user with a link, which ends their sessions."""
    user = find_link(token).user
    change = recording_change(actor, Action.ACCOUNT_RESET, user, Kind.FACTORS.label)
    with change, transaction.atomic():
        user = _use(token, Kind.FACTORS)
        Authenticator.objects.filter(user=user).delete()
        suspension.weaken_proof(user, Proof.FACTOR)
    sessions.end_all(actor=actor, user=user)
    return user


def _use(token: str, kind: AccountLink.Kind) -> User:
    """Delete the link, in the caller's transaction. The lock lets only one request use it."""
    link = find_link(token)
    rows = AccountLink.objects.filter(pk=link.pk, kind=kind, token_hash=_hash(token))
    if not rows.delete()[0]:
        raise Http404(USED)
    return link.user


def _fingerprint(user: User) -> str:
    """Return what changes with the user's password and email, and reveals neither."""
    text = f"{user.pk}|{user.email}|{user.password}"
    return salted_hmac("console.account_link", text, algorithm="sha256").hexdigest()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
