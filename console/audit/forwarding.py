"""Forward each audit row as a JSON line to a log collector (AUDIT_LOG=stdout).

Lines contain names, numbers and times as in the tables, and never a value. A row is forwarded once
it is committed.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from django.conf import settings
from django.db import transaction

from console.conf import signing
from console.models import AuditEvent, AuditOutcome, AuditSeal

MAX_LINE_BYTES = 4096  # a pipe takes this much at once, so lines don't mix
_CUT_FIELDS = ("actor", "branch", "subject", "agent", "detail")
_KINDS = {AuditEvent: "attempt", AuditOutcome: "outcome"}


class _Output:
    """The stream for the lines. Commands use stderr, as their standard output is their result."""

    serving = False

    @property
    def stream(self) -> TextIO:
        return sys.stdout if self.serving else sys.stderr


output = _Output()


def write_rows(rows: Sequence[AuditEvent] | Sequence[AuditOutcome]) -> None:
    """Write the rows' lines once they are committed. A closed stream fails no request."""
    if settings.AUDIT_LOG and rows:
        _write([_row_fields(row) for row in rows])


def write_head(link: AuditSeal) -> None:
    """Write the chain's newest link once it is committed, for an archive to check against later."""
    if settings.AUDIT_LOG:
        _write([{"type": "seal", "at": signing.json_value(link.at), "head": str(link)}])


def _row_fields(row: AuditEvent | AuditOutcome) -> dict[str, Any]:
    return {"type": _KINDS[type(row)], "id": row.pk, **signing.payload(row), "mark": row.mark}


def _write(lines: Sequence[dict[str, Any]]) -> None:
    text = "".join(f"{to_line(fields)}\n" for fields in lines)

    def write() -> None:
        output.stream.write(text)
        output.stream.flush()

    # `robust`: a closed stream must not fail a request that has already been committed.
    transaction.on_commit(write, robust=True)


def to_line(fields: dict[str, Any]) -> str:
    """Return an entry as one ASCII line. Long texts are cut so that it fits."""
    for limit in (None, 200, 50):
        cut = {name: v[:limit] if name in _CUT_FIELDS else v for name, v in fields.items()}
        # JSON escapes line breaks, U+2028 and bidirectional controls, but not DEL.
        text = json.dumps(cut if limit is None else {**cut, "cut": True}).replace("\x7f", "\\u007f")
        if len(text) < MAX_LINE_BYTES:
            return text
    return text
