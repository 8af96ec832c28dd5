"""What every page knows of the deployment."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def deployment(_request: HttpRequest) -> dict[str, Any]:
    """Return whether there are passwords, what single sign-on is called, "" without one, and
    whether mails are sent.
    """
    return {
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "sends_mail": settings.MAIL,
    }
