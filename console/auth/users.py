"""Manage users as an operator. Each act is recorded, and the last operator can't be removed."""

from allauth.mfa.models import Authenticator
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError

from console.access.actors import Actor
from console.access.policy import require_operator
from console.audit.events import Action, Target, audited_transaction, differences
from console.auth import mfa as second_factors
from console.auth import sessions
from console.models import User


def require_an_operator() -> None:
    """Raise ValidationError if no active operator is left; the caller rolls back.

    The lock serializes this: of two operators who disable each other, each would still see the
    other.
    """
    lock_users()
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        raise ValidationError("This is the last operator. Make someone else an operator first.")


def disable(*, actor: Actor, user: User) -> None:
    """Disable a user and end their sessions, recorded as two audit events.

    Raises ValidationError for the last operator and PermissionDenied unless the actor is an
    operator.
    """
    changes = differences(user, {"is_active": False}) or "no change"
    with audited_transaction(
        actor, Action.USER_CHANGED, Target(subject=f"{user.email}: {changes}")
    ):
        require_operator(actor)
        User.objects.filter(pk=user.pk).update(is_active=False)
        require_an_operator()
    sessions.end_all(actor=actor, user=user)


def reset_second_factors(*, actor: Actor, user: User) -> int:
    """Remove all second factors of a user who lost them; return how many there were."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    found = list(Authenticator.objects.filter(user=user, type__in=kinds).order_by("pk"))
    for authenticator in found:
        second_factors.remove_factor(actor=actor, authenticator=authenticator)
    return len(found)


def lock_users() -> None:
    """Serialize transactions that count users.

    Takes a row lock on PostgreSQL, which locks no empty table; SQLite has a single writer anyway.
    """
    ContentType.objects.select_for_update().get(app_label="console", model="user")
