"""Authenticated encryption with several keys: the newest seals, any of them opens."""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured

from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Unreadable

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value's ciphertext, and what opens it."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class Keyring:
    """The keys of the embedded store; a key's id is a digest of it, so none has to be named."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take ENCRYPTION_KEYS, newest first; raise ImproperlyConfigured where one is no key."""
        if not texts:
            raise ImproperlyConfigured(
                "ENCRYPTION_KEYS is empty. Set it to 32 random bytes in URL-safe base64."
            )
        keys = [_decoded(text, number) for number, text in enumerate(texts, start=1)]
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])

    @property
    def ids(self) -> set[str]:
        """The ids of the keys that it holds."""
        return set(self._ciphers)

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self._newest

    def seal(self, value: SecretValue, place: str) -> Sealed:
        """Encrypt `value` with the newest key, bound to `place`: it opens nowhere else."""
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[self._newest].encrypt(
            nonce, value.reveal().encode(), _bound(self._newest, place)
        )
        return Sealed(self._newest, nonce, ciphertext)

    def open(self, sealed: Sealed, place: str) -> SecretValue:
        """Decrypt what was sealed for `place`; raise Unreadable for a missing key or tampering."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise Unreadable(code="KeyMissing")
        try:
            plain = cipher.decrypt(sealed.nonce, sealed.ciphertext, _bound(sealed.key_id, place))
        except (InvalidTag, ValueError):  # ValueError: a nonce of another length
            raise Unreadable(code="Tampered") from None
        return SecretValue(plain.decode())


def _decoded(text: str, number: int) -> bytes:
    # Either alphabet of base64, padded or not: what people's tools print
    plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"Key {number} in ENCRYPTION_KEYS is not 32 bytes in URL-safe base64. Correct it: "
            "values encrypted with it can't be read without it."
        )
    return key


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"amplify-console key id" + key).hexdigest()[:16]


def _bound(key_id: str, place: str) -> bytes:
    return f"amplify-console v1\n{key_id}\n{place}".encode()
