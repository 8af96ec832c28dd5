"""Reading the settings of single sign-on. Pure, no Django."""

from typing import Any
from urllib.parse import urlsplit

from console.lib.paths import LOOPBACK


def is_safe_url(url: object) -> bool:
    """Say whether what comes from `url` can be believed: over TLS, or from this machine."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:  # such as half an IPv6 address
        return False
    local = parts.scheme == "http" and parts.hostname in {*LOOPBACK, "::1"}
    return bool(parts.hostname) and (local or parts.scheme == "https")


def groups_mapping(setting: str) -> dict[str, str]:
    """Read "theirs=ours,same": each of the provider's groups, and the console's for it.

    "*" stands for every group, each for the one of its name.
    """
    pairs = (pair.partition("=") for pair in setting.split(",") if pair.strip())
    return {theirs.strip(): (ours or theirs).strip() for theirs, _, ours in pairs}


def openid_provider(
    *, issuer: str, name: str, client_id: str, secret: str, scope: str
) -> dict[str, Any]:
    """Return the one provider as allauth wants it (SOCIALACCOUNT_PROVIDERS).

    Accounts are noted under the issuer: a subject means nothing with another one.
    """
    app = {
        "provider_id": issuer,
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "scope": scope.split()},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
