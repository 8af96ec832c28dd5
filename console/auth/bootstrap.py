"""The one-time link to the page that makes the first operator.

The token is signed with SECRET_KEY (HMAC-SHA-256), works for a day, and dies with the first user.
"""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from console.lib.paths import LOOPBACK
from console.models import User

_SALT = "console.setup"
_LIFE = 24 * 3600  # seconds


def link_path() -> str:
    """Return the path of the set-up page, or "" where the console is set up already."""
    if User.objects.exists():
        return ""
    token = signing.dumps("first operator", salt=_SALT)
    return reverse("setup", args=[token])


def base_url(port: int | str) -> str:
    """Return where browsers reach the console: a host of its own name, or this machine's port."""
    if settings.LOCAL:
        return f"http://127.0.0.1:{port}"
    hosts = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
    return "https://" + min(hosts, key=lambda host: host.startswith(".")).lstrip(".")


def is_open(token: str) -> bool:
    """Say whether the token opens the set-up page now."""
    try:
        signing.loads(token, salt=_SALT, max_age=_LIFE)
    except signing.BadSignature:
        return False
    return not User.objects.exists()
