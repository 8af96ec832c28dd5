"""Read ALLOWED_HOSTS and BASE_URL, which say where browsers reach Branchkeep."""

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
DEFAULT_PORTS = {"http": "80", "https": "443"}

_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_HOST = re.compile(rf"\.?{_NAME}\Z")
# A segment of a path starts with no dot, so that it is neither "." nor "..".
_BASE_URL = re.compile(
    rf"(https?)://({_NAME}|\[[0-9a-f:.]+\])(?::([0-9]{{1,5}}))?((?:/[\w~-][\w.~-]*)*)/?\Z",
    re.ASCII | re.IGNORECASE,
)
# The part of a URL, a quoted name or a name with a port that is a host name
_PART = re.compile(rf"(?:[a-z]+://)?(?:[^/@]*@)?\.?({_NAME})\.?(?:[:/].*)?\Z")


@dataclass(frozen=True)
class BaseUrl:
    """The address that browsers open. `port` is "" for the scheme's default, `path` for none."""

    scheme: str
    host: str
    port: str
    path: str

    @property
    def netloc(self) -> str:
        """Return the host with the port, as browsers send it in the Host header."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def origin(self) -> str:
        """Return the address without the path, as browsers send it in the Origin header."""
        return f"{self.scheme}://{self.netloc}"


def parse_base_url(text: str) -> BaseUrl | None:
    """Return the address in the BASE_URL text, or None if it is empty.

    Raises ValueError with a message that says what to set.
    """
    if not text.strip():
        return None
    found = _BASE_URL.match(text.strip())
    if found is None or not 0 < int(found[3] or 1) < 65536:
        raise ValueError(
            f"BASE_URL is “{text}”. Set it to the address that people open, without a query, such "
            "as https://console.example.com, https://console.example.com:8443 or "
            "https://example.com/branchkeep."
        )
    scheme, host = found[1].lower(), found[2].lower()
    if scheme == "http" and host not in LOOPBACK:
        raise ValueError(
            f"BASE_URL is “{text}”. Start it with https://. Other machines reach Branchkeep "
            "through a proxy that handles TLS, as docs/deploy.md shows."
        )
    port = str(int(found[3])) if found[3] else ""
    return BaseUrl(scheme, host, "" if port == DEFAULT_PORTS[scheme] else port, found[4])


def parse_hosts(text: str, base_url: BaseUrl | None = None) -> list[str]:
    """Return the hosts in the ALLOWED_HOSTS text and the one in BASE_URL.

    If that leaves this machine alone, return all its names.
    """
    hosts = [host.strip().lower() for host in text.split(",") if host.strip()]
    if base_url and base_url.host not in hosts and (hosts or base_url.host not in LOOPBACK):
        hosts.append(base_url.host)
    return hosts or sorted(LOOPBACK)


def serves_this_machine_only(allowed_hosts: str, base_url: str) -> bool:
    """Return True if both settings name no other machine. Invalid ones return False."""
    try:
        return LOOPBACK.issuperset(parse_hosts(allowed_hosts, parse_base_url(base_url)))
    except ValueError:
        return False


def host_problem(host: str) -> str:
    """Return what is wrong with an entry of ALLOWED_HOSTS, and what to write, or ""."""
    if _HOST.match(host) or (name := _browsers_form(host)) == host:
        return ""
    example = f": ALLOWED_HOSTS={name}" if name else ""
    return (
        f"ALLOWED_HOSTS contains “{host}”, which no browser sends as a host name. Write only "
        "names, separated by commas, without scheme, port, path, quotes or brackets"
        f"{example}. If the address has a port or a path, set BASE_URL to it."
    )


def _browsers_form(host: str) -> str:
    """Return the host as browsers send it, or "" if it can't be told."""
    bare = host.strip("[]\"'() ")
    with suppress(ValueError):
        return f"[{IPv6Address(bare)}]"
    with suppress(UnicodeError):
        bare = bare if bare.isascii() else bare.encode("idna").decode()
        if found := _PART.match(bare):
            return found[1]
    return ""
