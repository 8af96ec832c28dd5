"""Template context that every page has."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from console.lib.user_agents import is_apple


def deployment(request: HttpRequest) -> dict[str, Any]:
    """Return how users sign in, whether mail is sent, and whether the keyboard is a Mac's.

    `single_sign_on` is its label or "".
    """
    return {
        "on_mac": is_apple(request.headers.get("user-agent", "")),
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "sends_mail": settings.MAIL,
    }
