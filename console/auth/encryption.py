"""What the console keeps encrypted in its own database, beside the embedded store's values.

The keys are derived from ENCRYPTION_KEYS, newest first, and from SECRET_KEY: the first seals, each
of them opens, so one can be put before the others without anything being lost.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import PermissionDenied


def seal(text: str) -> str:
    """Return `text` encrypted and authenticated."""
    return _box(*_materials()).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Return what was sealed. Raises PermissionDenied, with what to do, where no key opens it."""
    try:
        return _box(*_materials()).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise PermissionDenied(
            "Branchkeep can't read your second factor because its keys were changed. Ask an "
            "operator to remove your second factors, then set up new ones."
        ) from None


def sealed_anew(sealed: str) -> str | None:
    """Return it sealed by the newest key, or None where it is so already. Raises as `unseal`."""
    try:
        _box(_materials()[0]).decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return None


def _materials() -> list[str]:
    return [*settings.ENCRYPTION_KEYS, settings.SECRET_KEY]


@lru_cache(maxsize=4)  # a derivation is cheap, but a sign-in tries them all
def _box(*materials: str) -> MultiFernet:
    return MultiFernet([_key(material) for material in materials])


def _key(material: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"console.sealing").derive(
        material.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))
