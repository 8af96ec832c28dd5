"""Template context that every page has."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def deployment(_request: HttpRequest) -> dict[str, Any]:
    """Return how users sign in, and whether mail is sent. `single_sign_on` is its label or ""."""
    return {
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "sends_mail": settings.MAIL,
    }
