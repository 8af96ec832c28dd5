"""The one-time link to the page that makes the first operator.

The token is signed with SECRET_KEY (HMAC-SHA-256), works for a day, and dies with the first user.
"""

from django.core import signing
from django.urls import reverse

from console.models import User

_SALT = "console.setup"
_LIFE = 24 * 3600  # seconds


def link_path() -> str:
    """Return the path of the set-up page, or "" where the console is set up already."""
    if User.objects.exists():
        return ""
    token = signing.dumps("first operator", salt=_SALT)
    return reverse("setup", args=[token])


def is_open(token: str) -> bool:
    """Say whether the token opens the set-up page now."""
    try:
        signing.loads(token, salt=_SALT, max_age=_LIFE)
    except signing.BadSignature:
        return False
    return not User.objects.exists()
