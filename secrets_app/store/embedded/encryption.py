"""Authenticated encryption with several keys: the newest encrypts, all of them decrypt."""

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
class Ciphertext:
    """An encrypted value, with the id of its key and the nonce."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class Keyring:
    """The keys of the embedded store. A key's id is a digest of the key, so operators name none."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Read ENCRYPTION_KEYS, the newest first. Raises ImproperlyConfigured for a bad key."""
        if not texts:
            raise ImproperlyConfigured(
                "ENCRYPTION_KEYS is empty. Set it to 32 random bytes in URL-safe base64."
            )
        keys = [_decode_key(text, number) for number, text in enumerate(texts, start=1)]
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])

    @property
    def ids(self) -> set[str]:
        """Return the ids of all keys."""
        return set(self._ciphers)

    @property
    def newest(self) -> str:
        """Return the id of the key that encrypts."""
        return self._newest

    def encrypt(self, value: SecretValue, context: str) -> Ciphertext:
        """Encrypt with the newest key. The ciphertext only decrypts with the same `context`."""
        # Random nonces of this size are safe for 2**32 values per key (NIST SP 800-38D).
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[self._newest].encrypt(
            nonce, value.reveal().encode(), _associated_data(self._newest, context)
        )
        return Ciphertext(self._newest, nonce, ciphertext)

    def decrypt(self, encrypted: Ciphertext, context: str) -> SecretValue:
        """Decrypt a value. Raises Unreadable for a missing key, tampering, or another context."""
        cipher = self._ciphers.get(encrypted.key_id)
        if cipher is None:
            raise Unreadable(code="KeyMissing")
        try:
            plaintext = cipher.decrypt(
                encrypted.nonce, encrypted.ciphertext, _associated_data(encrypted.key_id, context)
            )
        except (InvalidTag, ValueError):  # ValueError: a nonce of another length
            raise Unreadable(code="Tampered") from None
        return SecretValue(plaintext.decode())


def _decode_key(text: str, number: int) -> bytes:
    # Accept both base64 alphabets, with or without padding: tools differ in what they print.
    standard = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"Key {number} in ENCRYPTION_KEYS is not 32 bytes in URL-safe base64. Correct it: "
            "values encrypted with it can't be read without it."
        )
    return key


# The name "amplify-console" in the next two is part of the stored format and must not change.
def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"amplify-console key id" + key).hexdigest()[:16]


def _associated_data(key_id: str, context: str) -> bytes:
    return f"amplify-console v1\n{key_id}\n{context}".encode()
