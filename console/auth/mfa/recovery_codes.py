"""Recovery codes: ten, shown once, each good for one sign-in, stored as hashes.

allauth would store the seed that they are computed from, so that it can show them again.
"""

import hashlib
import hmac
import secrets

from allauth.mfa.models import Authenticator
from django.db import transaction

from console.models import User

COUNT = 10
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # without characters that look alike
_LENGTH = 16  # characters: 78 bits
COST = 2**14  # scrypt's n: 16 MiB per hash
_TYPE = Authenticator.Type.RECOVERY_CODES


def generate(user: User) -> list[str]:
    """Replace all of the user's codes; return the new ones, to be shown once."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
    salt = secrets.token_bytes(16)
    data = {"salt": salt.hex(), "hashes": [_hash(code, salt) for code in codes]}
    Authenticator.objects.update_or_create(user=user, type=_TYPE, defaults={"data": data})
    return ["-".join(code[at : at + 4] for at in range(0, _LENGTH, 4)) for code in codes]


def remaining(user: User) -> int:
    """Return how many unused codes the user has."""
    row = Authenticator.objects.filter(user=user, type=_TYPE).first()
    return len(row.data["hashes"]) if row else 0


@transaction.atomic
def consume(user: User, typed: str) -> Authenticator | None:
    """Use up a code.

    Returns the authenticator of the remaining codes, or None if the code is wrong.
    """
    code = "".join(character for character in typed.upper() if character not in "- ")
    row = Authenticator.objects.select_for_update().filter(user=user, type=_TYPE).first()
    if row is None or len(code) != _LENGTH:
        return None
    hashed = _hash(code, bytes.fromhex(row.data["salt"]))
    others = [known for known in row.data["hashes"] if not hmac.compare_digest(known, hashed)]
    if len(others) == len(row.data["hashes"]):
        return None
    row.data["hashes"] = others
    row.save(update_fields=["data"])
    return row


def _hash(code: str, salt: bytes) -> str:
    """Return a slow hash. All codes of a user share one salt, so an attempt costs one hash."""
    return hashlib.scrypt(code.encode(), salt=salt, n=COST, r=8, p=1).hex()
