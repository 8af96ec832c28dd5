"""Sort names as people do: pr-2 before pr-10, and Beta after alpha."""

import re

_NUMBER = re.compile(r"([0-9]+)")


def natural_key(name: str) -> bytes:
    """Return the sort key of a name: bytes, so that every database sorts them alike.

    Numbers of ASCII digits sort by their value: a digit, how many digits follow, then these. The
    name itself ends the key, so that names that differ only in case or leading zeros have an order.
    """
    # Every second part is a number.
    parts = _NUMBER.split(name.casefold())
    words = [part.encode(errors="surrogatepass") for part in parts]
    words[1::2] = [_number_key(part) for part in parts[1::2]]
    return b"".join(words) + b"\0" + name.encode(errors="surrogatepass")


def _number_key(digits: str) -> bytes:
    number = digits.lstrip("0") or "0"
    return b"0" + len(number).to_bytes(2) + number.encode()
