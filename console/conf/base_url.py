"""The address at which browsers reach Branchkeep."""

import os

from django.conf import settings
from django.urls import reverse, set_script_prefix

from console.lib.hosts import LOOPBACK


def base_url(port: int | str) -> str:
    """Return the scheme, host and port that browsers use. `reverse` adds BASE_URL's path.

    Without BASE_URL, they follow from ALLOWED_HOSTS: on one machine, 127.0.0.1 with `port`.
    """
    if settings.BASE_URL:
        return str(settings.BASE_URL.origin)
    if settings.LOCAL:
        return f"http://127.0.0.1:{port}"
    hosts = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
    # A host of its own is a better link than a wildcard such as .example.com, so it goes first.
    return "https://" + min(hosts, key=lambda host: host.startswith(".")).lstrip(".")


def link_to(view: str, *args: object) -> str:
    """Return the whole address of a view, for mails. Works in every thread."""
    # Django sets the prefix for each request, but not in threads of our own. It is always the same.
    set_script_prefix(settings.FORCE_SCRIPT_NAME or "/")
    return base_url(os.environ.get("PORT", "8000")) + reverse(view, args=args)
