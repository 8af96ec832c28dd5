"""Find the client's address behind trusted proxies."""

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?\Z|([^:]+):\d+\Z")


@dataclass(frozen=True)
class Proxies:
    """The trusted proxies: a number of them in a row, or their networks."""

    count: int = 0
    networks: tuple[Network, ...] = ()


def parse_proxies(setting: str) -> Proxies:
    """Parse TRUSTED_PROXIES: a count such as "2", or comma-separated addresses and networks.

    Raises ValueError with a message that says what to set.
    """
    if setting.isdecimal() and len(setting) < 3:
        return Proxies(count=int(setting))
    words = [word.strip() for word in setting.split(",")]
    try:
        return Proxies(networks=tuple(ip_network(word) for word in words if word))
    except ValueError as error:
        raise ValueError(
            f"TRUSTED_PROXIES is not valid: {error}. Set it to the number of proxies in front of "
            "Branchkeep, such as 1, or to their addresses and networks, separated by commas."
        ) from None


def client_address(peer: str, forwarded: str, proxies: Proxies) -> str:
    """Return the client's address, or "" if there is none, as on a Unix socket.

    `peer` is the connected address, `forwarded` the X-Forwarded-For header. Each proxy appends the
    address that connected to it, so anything before the trusted proxies' own entries can be forged.
    An entry that is not an address is never trusted.
    """
    chain = forwarded.split(",") if forwarded else []
    if proxies.count:
        claimed = _parse_address(chain[-proxies.count]) if len(chain) >= proxies.count else None
        return str(claimed or _parse_address(peer) or "")
    return _last_untrusted([*chain, peer], proxies.networks)


def _last_untrusted(chain: list[str], networks: tuple[Network, ...]) -> str:
    """Return the last address in the chain that is not a trusted proxy's."""
    found = ""
    for text in reversed(chain):
        address = _parse_address(text)
        if address is None:
            break
        found = str(address)
        if not any(address in network for network in networks):
            break
    return found


def _parse_address(text: str) -> Address | None:
    """Return the address without its port, or None. IPv4-mapped IPv6 becomes IPv4."""
    text = text.strip()
    # Some proxies append the port, and IPv6 addresses may carry a zone (%eth0).
    if with_port := _WITH_PORT.match(text):
        text = with_port[1] or with_port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
