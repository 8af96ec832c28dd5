"""The address at which browsers reach Branchkeep."""

from django.conf import settings

from console.lib.paths import LOOPBACK


def base_url(port: int | str) -> str:
    """Return the scheme and host that browsers use, taken from ALLOWED_HOSTS.

    On one machine that is 127.0.0.1 with `port`.
    """
    if settings.LOCAL:
        return f"http://127.0.0.1:{port}"
    hosts = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
    # A host of its own is a better link than a wildcard such as .example.com, so it goes first.
    return "https://" + min(hosts, key=lambda host: host.startswith(".")).lstrip(".")
