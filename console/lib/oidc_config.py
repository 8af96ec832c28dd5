"""Parse the single sign-on settings."""

from typing import Any
from urllib.parse import urlsplit

from console.lib.hosts import LOOPBACK


def is_safe_url(url: object) -> bool:
    """Return True if responses from `url` can be trusted: HTTPS, or HTTP on this machine."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:  # for example half an IPv6 address
        return False
    local = parts.scheme == "http" and parts.hostname in {*LOOPBACK, "::1"}
    return bool(parts.hostname) and (local or parts.scheme == "https")


def groups_mapping(setting: str) -> dict[str, str]:
    """Parse "theirs=ours,same" into a mapping from the provider's groups to Branchkeep's.

    "*" stands for every group, each mapped to the group of the same name.
    """
    pairs = (pair.partition("=") for pair in setting.split(",") if pair.strip())
    return {theirs.strip(): (ours or theirs).strip() for theirs, _, ours in pairs}


def openid_provider(
    *, issuer: str, name: str, client_id: str, secret: str, scope: str
) -> dict[str, Any]:
    """Return the single provider in the form allauth expects (SOCIALACCOUNT_PROVIDERS).

    Accounts are stored under the issuer, because a subject is unique only within its issuer.
    """
    app = {
        "provider_id": issuer,
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "scope": scope.split()},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
