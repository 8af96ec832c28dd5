"""A value that can be recognized in any form in which it leaks."""

import base64
import re
import secrets
import string
import zlib
from collections.abc import Iterator

ALPHABET = string.ascii_lowercase + string.digits
LENGTH = 24
PIECE = 12  # half, because a truncated leak still contains one of the halves
# zlib in base64: sessions, signed cookies
_COMPRESSED = re.compile(rb"e[AFJN][A-Za-z0-9_-]{20,}")


class Canary:
    """A random marker of letters and digits, and the values that carry it.

    Escaping for a URL, JSON or HTML doesn't change the marker, so the plain form finds most leaks.
    The other forms are encodings that change letters and digits.
    """

    def __init__(self) -> None:
        self.marker = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        first, last = forms(self.marker[:PIECE]), forms(self.marker[-PIECE:])
        self._needles = {form: (first[form], last[form]) for form in first}

    def shapes(self, label: str) -> dict[str, str]:
        """Return values of every kind, each with a label that says where it was entered."""
        name = f"{self.marker}.{label}"
        return {
            "plain": name,
            "lines": f"-----BEGIN KEY-----\n{name}\n\t{name}\n\n-----END KEY-----\n",
            "signs": f"<b title=\"{name}\">&amp;'{name}'</b>\\n %41 +{{é}} 日本\u202e\x1b[31m",
        }

    def found_in(self, text: bytes) -> Iterator[str]:
        """Yield the form of each find with its context."""
        lowered = text.lower()
        for form, halves in self._needles.items():
            hay = text if form.startswith("base64") else lowered
            at = max(map(hay.find, halves))
            if at >= 0:
                yield f"{form}: {text[max(at - 60, 0) : at + 80]!r}"
        for packed in _COMPRESSED.findall(text):
            yield from (f"compressed {find}" for find in self.found_in(_unpacked(packed)))


def forms(piece: str) -> dict[str, bytes]:
    """Return `piece` in each form, in lower case except for base64."""
    plain = piece.encode()
    return {
        "plain": plain,
        "reversed": plain[::-1],
        "hex": plain.hex().encode(),
        "UTF-16": piece.encode("utf-16-le"),
        "URL escapes": "".join(f"%{ord(it):02x}" for it in piece).encode(),
        "JSON escapes": "".join(f"\\u{ord(it):04x}" for it in piece).encode(),
        "HTML escapes": "".join(f"&#{ord(it)};" for it in piece).encode(),
        "HTML hex escapes": "".join(f"&#x{ord(it):x};" for it in piece).encode(),
        **{f"base64 after {before} bytes": _base64(plain, before) for before in range(3)},
    }


def _base64(plain: bytes, before: int) -> bytes:
    """Return the base64 letters of `plain` that don't depend on the bytes around it."""
    encoded = base64.b64encode(bytes(before) + plain)
    return encoded[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]


def _unpacked(packed: bytes) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(packed + b"=" * (-len(packed) % 4))
        return zlib.decompressobj().decompress(raw)
    except (ValueError, zlib.error):  # not compressed after all
        return b""
