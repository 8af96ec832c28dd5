"""Read what the OpenID provider claims about a user."""

import time
from typing import Any

from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def claims(sociallogin: SocialLogin) -> dict[str, Any]:
    """Return what the provider says about a user, in the ID token and in the user info."""
    sources = sociallogin.account.extra_data
    return {**sources.get("id_token", {}), **sources.get("userinfo", {})}


def confirmed_at(sociallogin: SocialLogin) -> float:
    """Return when the user last authenticated at the provider (seconds since 1970), or 0.

    Only the signed token counts. It must contain `auth_time` if re-authentication was requested
    (OpenID Connect Core 3.1.2.1). The request itself proves nothing: it passes through the user's
    browser, where `prompt=login` can be removed.
    """
    at = sociallogin.account.extra_data["id_token"].get("auth_time")
    if isinstance(at, int | float):
        return at
    is_trusted = sociallogin.state["confirms"] and settings.OIDC_TRUST_PROMPT
    return time.time() if is_trusted else 0


def verified_email(sociallogin: SocialLogin) -> str:
    """Return the email that the provider has verified, or "".

    The email and its verification must come from the same source. Only ASCII letters are
    lower-cased: some other letters would turn into those of someone else's address.
    """
    sources = sociallogin.account.extra_data
    for claim_set in (sources["id_token"], sources.get("userinfo", {})):
        email = claim_set.get("email")
        if _is_verified(claim_set) and isinstance(email, str) and _is_email(email):
            return email.encode().lower().decode()
    return ""


def _is_verified(claim_set: dict[str, Any]) -> bool:
    """Return True if the provider has verified the email.

    Microsoft Entra ID reports it in the optional claim `xms_edov`. An explicit `email_verified:
    false` always counts.
    """
    if "email_verified" in claim_set:
        return claim_set["email_verified"] is True
    return claim_set.get("xms_edov") in (True, "1")


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254
