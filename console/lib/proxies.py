"""Where a request comes from, behind proxies that are trusted to say it. Pure, no Django."""

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
    """Which proxies are believed: so many, one behind the other, or those of some networks."""

    count: int = 0
    networks: tuple[Network, ...] = ()


def proxies_of(setting: str) -> Proxies:
    """Read "2", or addresses and networks separated by commas; "" is none.

    Raises ValueError with a sentence that says what to set.
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
    """Return the address that a request comes from; "" where there is none, as on a socket file.

    `peer` is who connected, `forwarded` the X-Forwarded-For: each proxy adds to its end the address
    that it was asked from, so what stands before the trusted proxies' own entries is anybody's
    claim. What can't be read as an address is never believed.
    """
    chain = forwarded.split(",") if forwarded else []
    if proxies.count:
        said = _read(chain[-proxies.count]) if len(chain) >= proxies.count else None
        return str(said or _read(peer) or "")
    return _last_outside([*chain, peer], proxies.networks)


def _last_outside(chain: list[str], networks: tuple[Network, ...]) -> str:
    """Return the last address of the chain that is no trusted proxy's."""
    found = ""
    for text in reversed(chain):
        address = _read(text)
        if address is None:
            break
        found = str(address)
        if not any(address in network for network in networks):
            break
    return found


def _read(text: str) -> Address | None:
    """Read an address, with or without a port; IPv4 within IPv6 is IPv4."""
    text = text.strip()
    if with_port := _WITH_PORT.match(text):
        text = with_port[1] or with_port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
