"""Invite people to an app by email, with a link that works once and for a week.

Only the account of the invited address can accept. The inviter doesn't learn whether that account
exists: the messages and the link's page are the same. Raises the errors of
console/members/services.py.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError
from django.db.models import Q
from django.http import Http404
from django.utils import timezone

from console.access import acts
from console.access.actors import Actor
from console.access.policy import Permission, find_app
from console.audit.events import Action, Target, audited_transaction, recording
from console.lib.clock import latest_end
from console.lib.naming.branch_patterns import parse_patterns
from console.members.services import actor_of, check_role, describe_role, require_manager
from console.models import App, Invitation, Member, User

LIFETIME = timedelta(days=7)
_TOKEN_BYTES = 32

_MAIL = """\
{inviter} invited you to the app {app} as {role}.

Open this link within seven days to join. It works once, and only for you:

{link}

Branchkeep is where your team manages the app's secrets and environment variables. If you didn't
expect this invitation, don't open the link.
"""


def invite(
    *,
    actor: Actor,
    app_id: str,
    email: str,
    role: str,
    patterns: list[str],
    link_to: Callable[[str], str],
) -> str:
    """Invite an email address; return the link to share, or "" if it was mailed.

    `link_to` builds a link from a token. An earlier invitation of the address is replaced.
    """
    access = find_app(actor, app_id)
    email, token = email.strip().lower(), secrets.token_urlsafe(_TOKEN_BYTES)
    target = Target(app_id, subject=f"{email}: {describe_role(role, patterns)}")
    with recording(actor, Action.MEMBER_INVITED, target):
        acts.require(access, Action.MEMBER_INVITED)
        check_role(role, patterns)
        if access.app.members.filter(user__email=email).exists():
            raise ValidationError(
                {
                    "email": (
                        "This person is already a member. Change their role in the list of members."
                    )
                }
            )
        fields = {
            "role": role,
            "patterns": "\n".join(patterns),
            "token_hash": _hash(token),
            "invited_by_id": actor.user_id,
            "expires_at": timezone.now() + LIFETIME,
        }
        invitation, _ = Invitation.objects.update_or_create(
            app=access.app, email=email, defaults=fields
        )
        if not settings.MAIL:
            return link_to(token)
        _send(actor, invitation, link_to(token))
        return ""


def _send(actor: Actor, invitation: Invitation, link: str) -> None:
    """Mail the link. If that fails, nobody has it, so the invitation is deleted."""
    role = describe_role(invitation.role, parse_patterns(invitation.patterns))
    app = " ".join(invitation.app.name.split())  # a line break would end the subject's header
    text = _MAIL.format(inviter=actor.label, app=app, role=role, link=link)
    try:
        send_mail(f"Invitation to {app}", text, None, [invitation.email])
    except (OSError, SMTPException) as error:
        invitation.delete()
        raise ValidationError(
            "The mail server rejected the invitation, so nobody was invited. Try again, or ask "
            "an operator to check the mail settings."
        ) from error


def withdraw(*, actor: Actor, app_id: str, pk: int) -> Invitation:
    """Withdraw an invitation, so that its link stops working."""
    app = find_app(actor, app_id).app
    invitation = app.invitations.filter(pk=pk).first()
    if invitation is None:
        raise Http404("Invitation not found.")
    with audited_transaction(
        actor, Action.MEMBER_UNINVITED, Target(app_id, subject=invitation.email)
    ):
        require_manager(actor, app)
        invitation.delete()
        return invitation


def find_invitation(token: str) -> Invitation:
    """Return the valid invitation behind a link, or raise Http404.

    It is valid only while the inviter may still invite: the links of a removed owner must not work.
    """
    found = Invitation.objects.select_related("app", "invited_by").filter(
        _is_valid_now(), token_hash=_hash(token)
    )
    invitation = found.first()
    if invitation is None or not _may_still_invite(invitation.invited_by, invitation.app):
        raise Http404("This invitation has been used, withdrawn or has expired.")
    return invitation


def _is_valid_now() -> Q:
    now = timezone.now()
    return Q(expires_at__gt=now, expires_at__lte=latest_end(now, LIFETIME))


def _may_still_invite(inviter: User, app: App) -> bool:
    try:
        return find_app(actor_of(inviter), app.app_id).may(Permission.MANAGE)
    except Http404:
        return False


def is_invited(email: str) -> bool:
    """Return True if the address has a valid invitation."""
    found = Invitation.objects.select_related("app", "invited_by").filter(
        _is_valid_now(), email=email
    )
    return any(_may_still_invite(it.invited_by, it.app) for it in found)


def accept(*, actor: Actor, token: str) -> App:
    """Make the signed-in actor a member and return the app.

    Raises PermissionDenied if the invitation is for another address. An existing member keeps their
    role.
    """
    invitation = find_invitation(token)
    with audited_transaction(actor, Action.MEMBER_JOINED, _target_of(invitation)):
        user = User.objects.filter(pk=actor.user_id or 0, is_active=True).first()
        if user is None or user.email != invitation.email:
            raise PermissionDenied("This invitation is for another email address.")
        _join(invitation, user)
        return invitation.app


def accept_with_new_account(*, actor: Actor, token: str, password: str) -> tuple[User, App]:
    """Create the invited account, make it a member, and return both user and app.

    Raises ValidationError if the address already has an account, which must sign in to accept.
    """
    invitation = find_invitation(token)
    actor = replace(
        actor, label=invitation.email
    )  # the visitor has no account yet, but holds the link
    try:
        with audited_transaction(actor, Action.MEMBER_JOINED, _target_of(invitation)):
            if User.objects.filter(email=invitation.email).exists():
                raise _account_error()
            user = User.objects.create_user(invitation.email, password)
            _join(invitation, user)
            return user, invitation.app
    except IntegrityError as error:  # someone else created it in the same moment
        raise _account_error() from error


def _account_error() -> ValidationError:
    return ValidationError(
        "This email address can't join here. If you have an account, sign in to accept the "
        "invitation."
    )


def _join(invitation: Invitation, user: User) -> None:
    """Delete the invitation, then create the membership.

    The order decides a race: of two attempts, one finds no invitation to delete.
    """
    used, _ = Invitation.objects.filter(pk=invitation.pk, token_hash=invitation.token_hash).delete()
    if not used:
        raise Http404("This invitation has been used, withdrawn or has expired.")
    fields = {"role": invitation.role, "patterns": invitation.patterns}
    Member.objects.get_or_create(app=invitation.app, user=user, defaults=fields)


def _target_of(invitation: Invitation) -> Target:
    role = describe_role(invitation.role, parse_patterns(invitation.patterns))
    return Target(invitation.app.app_id, subject=role)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
