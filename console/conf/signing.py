"""Sign audit rows with the deployment's audit key.

A row's `mark` is its signature: an HMAC-SHA-256 over its content and a random nonce, so no two rows
share one. The links of the hash chain (console/audit/chain.py) are signed with the same keys. A
plain hash would not do: anyone who changes a row could compute it again.
"""

import json
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils.crypto import constant_time_compare, salted_hmac

LENGTH = 8 + 16 + 64  # key id, nonce and HMAC, in hexadecimal
_NONCE = slice(8, 24)


def payload(row: Model) -> dict[str, Any]:
    """Return a row's content without its id and signature.

    Empty fields are left out, so that a column added by a later version invalidates no old row.
    """
    fields = [field.attname for field in row._meta.concrete_fields]
    values = {name: getattr(row, name) for name in fields if name not in {"id", "mark"}}
    return {name: json_value(value) for name, value in values.items() if value not in ("", None)}


def json_value(value: Any) -> str | int | None:
    """Return a field's value as JSON represents it. Times are UTC with microseconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int) else str(value)


def canonical_json(row: Model) -> str:
    """Return a row's content as text, the same when it is written and when it is read back."""
    return json.dumps([row._meta.model_name, payload(row)], sort_keys=True)


def sign_row(row: Model) -> str:
    """Return the signature of a row that is about to be saved."""
    nonce = secrets.token_hex(8)
    return sign_text(f"{nonce} {canonical_json(row)}", nonce)


def sign_text(text: str, nonce: str = "") -> str:
    """Return the key's id, the nonce and the HMAC of `text`, made with the newest key."""
    key = settings.AUDIT_KEYS[0]
    return f"{key_id(key)}{nonce}{_hmac(key, text)}"


def is_row_valid(row: Any) -> bool:
    """Return True if the row's signature matches its content and one of the keys."""
    nonce = row.mark[_NONCE]
    return is_valid(f"{nonce} {canonical_json(row)}", row.mark, nonce)


def is_valid(text: str, signature: str, nonce: str = "") -> bool:
    """Return True if `signature` is that of `text` by one of the keys."""
    name = signature[:8]
    key = keys().get(name)
    return bool(key) and constant_time_compare(signature, f"{name}{nonce}{_hmac(str(key), text)}")


def keys() -> dict[str, str]:
    """Return the audit keys by id, newest first."""
    return {key_id(key): key for key in settings.AUDIT_KEYS}


@cache
def key_id(key: str) -> str:
    """Return a short id of a key that reveals nothing about it."""
    return _hmac(key, "name")[:8]


def _hmac(key: str, text: str) -> str:
    return salted_hmac("console.audit", text, secret=key, algorithm="sha256").hexdigest()
