"""Invitations: a link that gives whoever holds it a role in an app, once, for a week.

The link names an address, and nobody but its account can use it. The inviter does not learn
whether there is one: he is told the same, and the link's page is the same. Raises as members.py.
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
from django.http import Http404
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Permission, find_app
from console.audit.events import Action, Target, audited_transaction, recording
from console.lib.branch_patterns import parse_patterns
from console.members.services import actor_of, check_role, require_manager, role_in_words
from console.models import App, Invitation, Member, User

LIFE = timedelta(days=7)
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
    """Invite an address to an app; return the link to hand on, or "" where it went by mail.

    `link_to` makes a link of a token. An earlier invitation of the address is replaced.
    """
    access = find_app(actor, app_id)
    email, token = email.strip().lower(), secrets.token_urlsafe(_TOKEN_BYTES)
    target = Target(app_id, subject=f"{email}: {role_in_words(role, patterns)}")
    with recording(actor, Action.MEMBER_INVITED, target):
        access.require(Permission.MANAGE)
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
            "expires_at": timezone.now() + LIFE,
        }
        invitation, _ = Invitation.objects.update_or_create(
            app=access.app, email=email, defaults=fields
        )
        if not settings.MAIL:
            return link_to(token)
        _send(actor, invitation, link_to(token))
        return ""


def _send(actor: Actor, invitation: Invitation, link: str) -> None:
    """Send the link; where that fails, nobody has it, so the invitation goes."""
    role = role_in_words(invitation.role, parse_patterns(invitation.patterns))
    app = " ".join(invitation.app.name.split())
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
    """Take an invitation back: its link opens nothing any more."""
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
    """Return the invitation of a link that opens now. Raises Http404.

    It dies with the inviter's right to invite: who was removed leaves no door open behind him.
    """
    found = Invitation.objects.select_related("app", "invited_by").filter(
        token_hash=_hash(token), expires_at__gt=timezone.now()
    )
    invitation = found.first()
    if invitation is None or not _may_still_invite(invitation.invited_by, invitation.app):
        raise Http404("This invitation has been used, withdrawn or has expired.")
    return invitation


def _may_still_invite(inviter: User, app: App) -> bool:
    try:
        return find_app(actor_of(inviter), app.app_id).may(Permission.MANAGE)
    except Http404:
        return False


def is_invited(email: str) -> bool:
    """Say whether an invitation waits for an address."""
    found = Invitation.objects.select_related("app", "invited_by").filter(
        email=email, expires_at__gt=timezone.now()
    )
    return any(_may_still_invite(it.invited_by, it.app) for it in found)


def accept(*, actor: Actor, token: str) -> App:
    """Make the actor a member, who is signed in with the address that was invited.

    One who is a member already keeps the role that he has. Return the app.
    """
    invitation = find_invitation(token)
    with audited_transaction(actor, Action.MEMBER_JOINED, _target_of(invitation)):
        user = User.objects.filter(pk=actor.user_id or 0, is_active=True).first()
        if user is None or user.email != invitation.email:
            raise PermissionDenied("This invitation is for another email address.")
        _join(invitation, user)
        return invitation.app


def accept_anew(*, actor: Actor, token: str, password: str) -> tuple[User, App]:
    """Create the account of the address that was invited, and make it a member; return both.

    Where the address has an account, ValidationError: it signs in and accepts.
    """
    invitation = find_invitation(token)
    actor = replace(actor, label=invitation.email)  # it has no account yet, and holds the link
    try:
        with audited_transaction(actor, Action.MEMBER_JOINED, _target_of(invitation)):
            if User.objects.filter(email=invitation.email).exists():
                raise _not_this_way()
            user = User.objects.create_user(invitation.email, password)
            _join(invitation, user)
            return user, invitation.app
    except IntegrityError as error:  # somebody made it at this moment
        raise _not_this_way() from error


def _not_this_way() -> ValidationError:
    return ValidationError(
        "This email address can't join here. If you have an account, sign in to accept the "
        "invitation."
    )


def _join(invitation: Invitation, user: User) -> None:
    """Use the invitation up, then give the role: of two who try at once one finds it gone."""
    used, _ = Invitation.objects.filter(pk=invitation.pk, token_hash=invitation.token_hash).delete()
    if not used:
        raise Http404("This invitation has been used, withdrawn or has expired.")
    fields = {"role": invitation.role, "patterns": invitation.patterns}
    Member.objects.get_or_create(app=invitation.app, user=user, defaults=fields)


def _target_of(invitation: Invitation) -> Target:
    role = role_in_words(invitation.role, parse_patterns(invitation.patterns))
    return Target(invitation.app.app_id, subject=role)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
