"""Read audit rows back as the text that their signatures cover.

A check of the trail reads a great many rows, so this builds no model instances, times or UUIDs: the
database's own text of them becomes the text that was signed.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import DateTimeField, Model, QuerySet, UUIDField

from console.conf import signing
from console.db import text_times

SQLITE_TIME = len("2026-11-27 12:00:00.000000")
SQLITE_UUID = 32  # hexadecimal digits, without hyphens


def read_back(rows: QuerySet[Any]) -> Iterator[tuple[int, str, str]]:
    """Yield the id, the signature and the canonical JSON of stored rows."""
    model: type[Model] = rows.model
    columns: list[tuple[str, Callable[[str], str] | None]] = [
        (name, _TEXTS.get(type(model._meta.get_field(name))))
        for name in sorted(signing.signed_fields(model))
    ]
    selected = [text_times.as_text(name) if to_text else name for name, to_text in columns]
    for pk, mark, *values in rows.values_list("pk", "mark", *selected):
        content = [
            (name, to_text(value) if to_text else value)
            for (name, to_text), value in zip(columns, values, strict=True)
            if value not in ("", None)
        ]
        yield pk, mark, signing.to_json(model, content)


def canonical_time(text: str) -> str:
    """Return the database's text of a time as `signing.json_value` writes it."""
    if len(text) == SQLITE_TIME and "+" not in text:
        return f"{text[:10]}T{text[11:]}+00:00"
    try:
        return str(signing.json_value(text_times.parse(text)))
    except ValueError:  # edited with SQL
        return text


def _uuid_text(text: str) -> str:
    if len(text) != SQLITE_UUID:
        return text
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_TEXTS: dict[type, Callable[[str], str]] = {DateTimeField: canonical_time, UUIDField: _uuid_text}
