"""Create the first operator through a one-time link.

The token is signed with SECRET_KEY (HMAC-SHA-256). It expires after a day, or when the first user
exists.
"""

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from console.access.actors import Actor
from console.audit.events import Action, Target, audited_transaction
from console.auth.users import lock_users
from console.models import User

_SALT = "console.setup"
_MAX_AGE = 24 * 3600  # seconds


def link_path() -> str:
    """Return the path of the set-up page, or "" if a user exists."""
    if User.objects.exists():
        return ""
    token = signing.dumps("first operator", salt=_SALT)
    return reverse("setup", args=[token])


def is_open(token: str) -> bool:
    """Return True if the token opens the set-up page now."""
    try:
        signing.loads(token, salt=_SALT, max_age=_MAX_AGE)
    except signing.BadSignature:
        return False
    return not User.objects.exists()


def create_first_operator(*, actor: Actor, email: str, password: str) -> User:
    """Create the deployment's first user, an operator. Raises PermissionDenied if a user exists."""
    with audited_transaction(actor, Action.OPERATOR_CREATED, Target(subject=email)):
        lock_users()  # two set-ups at once must not both find no user
        if User.objects.exists():
            raise PermissionDenied("Branchkeep is already set up. Sign in instead.")
        return User.objects.create_superuser(email, password)
