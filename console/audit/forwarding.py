"""A copy of each row of the audit trail as a JSON line, for a log collector (AUDIT_LOG=stdout).

Names, numbers and times as in the tables, and never a value. A row is copied once it is committed.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from django.conf import settings
from django.db import transaction

from console.conf import signing
from console.models import AuditEvent, AuditOutcome, AuditSeal

LINE = 4096  # bytes that a pipe takes at once, so that no two processes' lines are mixed
_LONG = ("actor", "branch", "subject", "agent", "detail")
_KINDS = {AuditEvent: "attempt", AuditOutcome: "outcome"}


class _Output:
    """Where the lines go: a command's standard output is its result, so its copy goes beside it."""

    serving = False

    @property
    def stream(self) -> TextIO:
        return sys.stdout if self.serving else sys.stderr


output = _Output()


def tell(rows: Sequence[AuditEvent] | Sequence[AuditOutcome]) -> None:
    """Write the rows' lines once they are committed. A stream that is gone stops no act."""
    if settings.AUDIT_LOG and rows:
        _write([_told(row) for row in rows])


def tell_head(seal: AuditSeal) -> None:
    """Write the chain's newest seal, once it is committed: what an archive checks later."""
    if settings.AUDIT_LOG:
        _write([{"type": "seal", "at": signing.json_value(seal.at), "head": str(seal)}])


def _told(row: AuditEvent | AuditOutcome) -> dict[str, Any]:
    return {"type": _KINDS[type(row)], "id": row.pk, **signing.payload(row), "mark": row.mark}


def _write(lines: Sequence[dict[str, Any]]) -> None:
    text = "".join(f"{line(said)}\n" for said in lines)

    def write() -> None:
        output.stream.write(text)
        output.stream.flush()

    transaction.on_commit(write, robust=True)


def line(said: dict[str, Any]) -> str:
    """Return an entry as one line of ASCII; texts that would make it too long are cut."""
    for limit in (None, 200, 50):
        cut = {name: v[:limit] if name in _LONG else v for name, v in said.items()}
        # JSON's own escapes: of line breaks, U+2028, bidi signs; DEL alone is left
        text = json.dumps(cut if limit is None else {**cut, "cut": True}).replace("\x7f", "\\u007f")
        if len(text) < LINE:
            return text
    return text
