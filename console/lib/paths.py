"""Folders and host names that the start needs before any setting can be read."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = BASE_DIR / "var"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def parse_hosts(text: str) -> list[str]:
    """Return the hosts in the ALLOWED_HOSTS text, or this machine's own names if it lists none."""
    return [host.strip() for host in text.split(",") if host.strip()] or sorted(LOOPBACK)
