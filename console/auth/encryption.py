"""Encrypt what Branchkeep keeps in its own database, apart from the embedded store's values.

Keys are derived from ENCRYPTION_KEYS, newest first, and SECRET_KEY. The first key encrypts and each
of them decrypts, so a new key can be put in front without losing anything.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import PermissionDenied


def encrypt(text: str) -> str:
    """Return `text` encrypted and authenticated."""
    return _fernet(*_key_materials()).encrypt(text.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """Return the plaintext. Raises PermissionDenied, with what to do, if no key fits."""
    try:
        return _fernet(*_key_materials()).decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise PermissionDenied(
            "Branchkeep can't read your second factor because its keys were changed. Ask an "
            "operator to remove your second factors, then set up new ones."
        ) from None


def reencrypted(ciphertext: str) -> str | None:
    """Return the text encrypted with the newest key, or None if it already is.

    Raises like `decrypt`.
    """
    try:
        _fernet(_key_materials()[0]).decrypt(ciphertext.encode())
    except InvalidToken:
        return encrypt(decrypt(ciphertext))
    return None


def _key_materials() -> list[str]:
    return [*settings.ENCRYPTION_KEYS, settings.SECRET_KEY]


@lru_cache(maxsize=4)  # a sign-in may try all keys
def _fernet(*materials: str) -> MultiFernet:
    return MultiFernet([_key(material) for material in materials])


def _key(material: str) -> Fernet:
    # `info` is part of the derivation: changing it makes stored secrets unreadable.
    derived = HKDF(SHA256(), length=32, salt=None, info=b"console.sealing").derive(
        material.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))
