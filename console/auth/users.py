"""What operators do to people: each act is recorded, and the last operator stays one."""

from allauth.mfa.models import Authenticator
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError

from console.access.actors import Actor
from console.access.policy import require_operator
from console.audit.events import Action, Target, audited_transaction, differences
from console.auth import mfa as second_factors
from console.auth import sessions
from console.models import User


def keep_an_operator() -> None:
    """Raise ValidationError if nobody runs the deployment any more; the caller rolls back.

    One at a time: of two who disable each other, each would still see the other.
    """
    lock_users()
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        raise ValidationError("This is the last operator. Make someone else an operator first.")


def disable(*, actor: Actor, user: User) -> None:
    """Disable a user and end his sessions, each an entry. Raises ValidationError for the last
    operator, and PermissionDenied for an actor who is none."""
    said = differences(user, {"is_active": False}) or "no change"
    with audited_transaction(actor, Action.USER_CHANGED, Target(subject=f"{user.email}: {said}")):
        require_operator(actor)
        User.objects.filter(pk=user.pk).update(is_active=False)
        keep_an_operator()
    sessions.end_all(actor=actor, user=user)


def reset_factors(*, actor: Actor, user: User) -> int:
    """Take all second factors from who lost them; return how many there were."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    found = list(Authenticator.objects.filter(user=user, type__in=kinds).order_by("pk"))
    for authenticator in found:
        second_factors.remove(actor=actor, authenticator=authenticator)
    return len(found)


def lock_users() -> None:
    """Let one transaction at a time count users: a row lock on PostgreSQL; SQLite has one writer
    as it is.
    """
    ContentType.objects.select_for_update().get(app_label="console", model="user")
