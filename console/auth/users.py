"""Manage users as an operator. Each act is recorded, and the last operator can't be removed."""

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError

from console.access.actors import Actor
from console.access.policy import require_operator
from console.audit.events import Action, Target, audited_transaction, differences
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


def make_operator(*, actor: Actor, email: str) -> User:
    """Make a user an operator; add the account, without a password, if there is none.

    Raises ValidationError for an invalid address and PermissionDenied unless the actor is an
    operator.
    """
    email = email.strip().lower()
    target = Target(subject=f"{email}: operator")
    with audited_transaction(actor, Action.USER_CHANGED, target):
        require_operator(actor)
        user = User.objects.select_for_update().filter(email=email).first()
        if user is None:
            user = User(email=email)
            user.set_unusable_password()
        user.is_superuser = user.is_staff = True
        user.full_clean()
        user.save()
        return user


def lock_users() -> None:
    """Serialize transactions that count users.

    Takes a row lock on PostgreSQL, which locks no empty table; SQLite has a single writer anyway.
    """
    ContentType.objects.select_for_update().get(app_label="console", model="user")
