"""Sign audit rows with the deployment's audit key.

A row's `mark` is its signature: an HMAC-SHA-256 over its content and a random nonce, so no two rows
share one. The links of the hash chain (console/audit/chain.py) are signed with the same keys. A
plain hash would not do: anyone who changes a row could compute it again.
"""

import hmac
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils.crypto import salted_hmac

LENGTH = 8 + 16 + 64  # key id, nonce and HMAC, in hexadecimal
_NONCE = slice(8, 24)
_to_json = json.JSONEncoder().encode


def payload(row: Model) -> dict[str, Any]:
    """Return a row's content without its id and signature.

    Empty fields are left out, so that a column added by a later version invalidates no old row.
    """
    values = {name: getattr(row, name) for name in signed_fields(type(row))}
    return {name: json_value(it) for name, it in values.items() if it not in ("", None)}


def canonical_json(row: Model) -> str:
    """Return a row's content as text, the same when it is written and when it is read back."""
    return to_json(type(row), sorted(payload(row).items()))


def json_value(value: Any) -> str | int | None:
    """Return a field's value as JSON represents it. Times are UTC with microseconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int) else str(value)


@cache
def signed_fields(model: type[Model]) -> tuple[str, ...]:
    """Return the names of the fields that a signature covers."""
    names = (field.attname for field in model._meta.concrete_fields)
    return tuple(name for name in names if name not in {"id", "mark"})


def to_json(model: type[Model], fields: Iterable[tuple[str, Any]]) -> str:
    """Return the canonical JSON of a row with these fields: texts and integers, sorted by name.

    Written by hand, because a JSON encoder takes twice as long.
    """
    members = [f'"{name}": {_to_json(it) if type(it) is str else it}' for name, it in fields]
    return f'["{model._meta.model_name}", {{{", ".join(members)}}}]'


def sign_row(row: Model) -> str:
    """Return the signature of a row that is about to be saved."""
    nonce = secrets.token_hex(8)
    return sign_text(f"{nonce} {canonical_json(row)}", nonce)


def sign_text(text: str, nonce: str = "") -> str:
    """Return the key's id, the nonce and the HMAC of `text`, made with the newest key."""
    key = settings.AUDIT_KEYS[0]
    return f"{key_id(key)}{nonce}{_hmac(key, text)}"


def is_content_valid(content: str, mark: str, keys: dict[str, str]) -> bool:
    """Return True if a row's signature matches its canonical JSON and one of the keys."""
    nonce = mark[_NONCE]
    return is_valid(f"{nonce} {content}", mark, keys, nonce)


def is_valid(text: str, signature: str, keys: dict[str, str], nonce: str = "") -> bool:
    """Return True if `signature` is that of `text` by one of the keys."""
    name = signature[:8]
    key = keys.get(name)
    if key is None:
        return False
    expected = f"{name}{nonce}{_hmac(key, text)}"
    return hmac.compare_digest(signature.encode(), expected.encode())


def keys() -> dict[str, str]:
    """Return the audit keys by id, newest first."""
    return {key_id(key): key for key in settings.AUDIT_KEYS}


@cache
def key_id(key: str) -> str:
    """Return a short id of a key that reveals nothing about it."""
    return _hmac(key, "name")[:8]


def _hmac(key: str, text: str) -> str:
    digest = _empty_hmac(key).copy()
    digest.update(text.encode())
    return digest.hexdigest()


@cache
def _empty_hmac(key: str) -> hmac.HMAC:
    """Return the HMAC to copy for each text, so that its key is derived only once."""
    return salted_hmac("console.audit", "", secret=key, algorithm="sha256")
