"""The marks of the audit trail: what only a holder of the deployment's audit key can make.

A row's mark is an HMAC-SHA-256 over its content, with a number of its own in front, so that no two
rows have the same one. The trail's seals (console/audit/chain.py) are made with the same keys.
"""

import json
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils.crypto import constant_time_compare, salted_hmac

LENGTH = 8 + 16 + 64  # the key's name, the row's own number, the code: hexadecimal
_NUMBER = slice(8, 24)


def said(row: Model) -> dict[str, Any]:
    """Return what a row of the trail says, its number in the table and its mark left out.

    Empty fields are left out too, so that a column which a later version adds changes no old row.
    """
    fields = [field.attname for field in row._meta.concrete_fields]
    every = {name: getattr(row, name) for name in fields if name not in {"id", "mark"}}
    return {name: plain(value) for name, value in every.items() if value not in ("", None)}


def plain(value: Any) -> str | int | None:
    """Return a field's value as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int) else str(value)


def content(row: Model) -> str:
    """Return what a row says as one text, the same when it is written and when it is read."""
    return json.dumps([row._meta.model_name, said(row)], sort_keys=True)


def make(row: Model) -> str:
    """Return the mark of a row that is about to be written."""
    number = secrets.token_hex(8)
    return sign(f"{number} {content(row)}", number)


def sign(text: str, number: str = "") -> str:
    """Return the newest key's name, the number, and the key's code of the text."""
    key = settings.AUDIT_KEYS[0]
    return f"{key_name(key)}{number}{_code(key, text)}"


def is_made_here(row: Any) -> bool:
    """Say whether a row is as it was written by a holder of one of the keys."""
    number = row.mark[_NUMBER]
    return is_signed(f"{number} {content(row)}", row.mark, number)


def is_signed(text: str, mark: str, number: str = "") -> bool:
    """Say whether one of the keys made this mark of the text."""
    key = keys().get(mark[:8])
    return bool(key) and constant_time_compare(mark, f"{mark[:8]}{number}{_code(str(key), text)}")


def keys() -> dict[str, str]:
    """Return the audit keys by name, newest first."""
    return {key_name(key): key for key in settings.AUDIT_KEYS}


@cache
def key_name(key: str) -> str:
    """Return a short name of a key, which tells nothing of it."""
    return _code(key, "name")[:8]


def _code(key: str, text: str) -> str:
    return salted_hmac("console.audit", text, secret=key, algorithm="sha256").hexdigest()
