"""Where browsers reach the console."""

from django.conf import settings

from console.lib.paths import LOOPBACK


def base_url(port: int | str) -> str:
    """Return where browsers reach the console: a host of its own name, or this machine's port."""
    if settings.LOCAL:
        return f"http://127.0.0.1:{port}"
    hosts = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
    return "https://" + min(hosts, key=lambda host: host.startswith(".")).lstrip(".")
