"""What the start has to know before any setting can be read: folders, and this machine's names."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = BASE_DIR / "var"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def hosts_of(text: str) -> list[str]:
    """Return the names in ALLOWED_HOSTS; where it holds none, this machine's own."""
    return [host.strip() for host in text.split(",") if host.strip()] or sorted(LOOPBACK)
