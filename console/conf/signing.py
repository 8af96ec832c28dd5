"""Sign audit rows with the deployment's audit key.

A row's `mark` is its signature: an HMAC-SHA-256 over its content and a random nonce, so no two rows
share one. The links of the hash chain (console/audit/chain.py) are signed with the same keys. A
plain hash would not do: anyone who changes a row could compute it again.
"""

import hmac
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.crypto import constant_time_compare, salted_hmac

LENGTH = 8 + 16 + 64  # key id, nonce and HMAC, in hexadecimal
_NONCE = slice(8, 24)
_ENCODER = json.JSONEncoder(sort_keys=True)  # json.dumps would make one for each row


def payload(row: Model) -> dict[str, Any]:
    """Return a row's content without its id and signature.

    Empty fields are left out, so that a column added by a later version invalidates no old row.
    """
    model = type(row)
    return _payload(model, [getattr(row, name) for name in _signed_fields(model)])


def canonical_json(row: Model) -> str:
    """Return a row's content as text, the same when it is written and when it is read back."""
    model = type(row)
    return _canonical_json(model, [getattr(row, name) for name in _signed_fields(model)])


def read_back(rows: QuerySet[Any]) -> Iterator[tuple[int, str, str]]:
    """Yield the id, the signature and the canonical JSON of stored rows.

    Builds no model instances, because a check of the trail reads a great many rows.
    """
    model: type[Model] = rows.model
    for pk, mark, *values in rows.values_list("pk", "mark", *_signed_fields(model)):
        yield pk, mark, _canonical_json(model, values)


def json_value(value: Any) -> str | int | None:
    """Return a field's value as JSON represents it. Times are UTC with microseconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int) else str(value)


@cache
def _signed_fields(model: type[Model]) -> tuple[str, ...]:
    names = (field.attname for field in model._meta.concrete_fields)
    return tuple(name for name in names if name not in {"id", "mark"})


def _payload(model: type[Model], values: Sequence[Any]) -> dict[str, Any]:
    fields = zip(_signed_fields(model), values, strict=True)
    return {name: json_value(value) for name, value in fields if value not in ("", None)}


def _canonical_json(model: type[Model], values: Sequence[Any]) -> str:
    return _ENCODER.encode([model._meta.model_name, _payload(model, values)])


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
    return bool(key) and constant_time_compare(signature, f"{name}{nonce}{_hmac(str(key), text)}")


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
