"""Recovery codes: ten, shown once, each good for one sign-in, kept as hashes.

allauth would keep what they are made from, so that it can show them again.
"""

import hashlib
import hmac
import secrets

from allauth.mfa.models import Authenticator
from django.db import transaction

from console.models import User

COUNT = 10
_SIGNS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # none that is taken for another
_LENGTH = 16  # signs: 78 bits
COST = 2**14  # scrypt's n: 16 MiB a hash
_TYPE = Authenticator.Type.RECOVERY_CODES


def make(user: User) -> list[str]:
    """Give the user new codes in the place of all he had; return them, to be shown once."""
    codes = ["".join(secrets.choice(_SIGNS) for _ in range(_LENGTH)) for _ in range(COUNT)]
    salt = secrets.token_bytes(16)
    data = {"salt": salt.hex(), "hashes": [_hash(code, salt) for code in codes]}
    Authenticator.objects.update_or_create(user=user, type=_TYPE, defaults={"data": data})
    return ["-".join(code[at : at + 4] for at in range(0, _LENGTH, 4)) for code in codes]


def left(user: User) -> int:
    """Return how many codes the user has not used."""
    row = Authenticator.objects.filter(user=user, type=_TYPE).first()
    return len(row.data["hashes"]) if row else 0


@transaction.atomic
def use(user: User, typed: str) -> Authenticator | None:
    """Use a code up: return what holds the others, or None where it is none of the user's."""
    code = "".join(sign for sign in typed.upper() if sign not in "- ")
    row = Authenticator.objects.select_for_update().filter(user=user, type=_TYPE).first()
    if row is None or len(code) != _LENGTH:
        return None
    hashed = _hash(code, bytes.fromhex(row.data["salt"]))
    kept = [known for known in row.data["hashes"] if not hmac.compare_digest(known, hashed)]
    if len(kept) == len(row.data["hashes"]):
        return None
    row.data["hashes"] = kept
    row.save(update_fields=["data"])
    return row


def _hash(code: str, salt: bytes) -> str:
    """Hash slowly: one salt for all of a user's codes, so that a try costs one hash."""
    return hashlib.scrypt(code.encode(), salt=salt, n=COST, r=8, p=1).hex()
