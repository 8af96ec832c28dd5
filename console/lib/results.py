"""Outcomes of the rows of a save. A save has many rows, and each reports for itself."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import ceil


class Result(StrEnum):
    """How a row ended."""

    SAVED = "saved"
    REMOVED = "removed"
    CONFLICT = "conflict"
    REFUSED = "refused"
    DENIED = "denied"
    UNKNOWN = "unknown"
    FAILED = "failed"
    HELD = "held"  # an earlier write may still arrive, so this one has to wait
    NOT_TRIED = "not_tried"


DONE = {Result.SAVED, Result.REMOVED}


def encode_base(version: int, revision: int | None) -> str:
    """Return a row's expected version as its form posts it; `console.lib.row_forms` parses it."""
    return str(version) if revision is None else f"{version}:{revision}"


@dataclass(frozen=True)
class RowOutcome:
    """What to show for a row: `version` is the base of another attempt, `field` the one to mark.

    A secret that is removed and added again starts at version 1 again; `revision` tells the two
    apart. `theirs` is the current value in a conflict, unless it is a secret. `held_until` is when
    a row that is held can be saved.
    """

    token: str
    outcome: Result
    message: str = ""
    field: str = ""
    version: int = 0
    revision: int | None = None
    pk: int | None = None
    theirs: str = ""
    held_until: datetime | None = None

    @property
    def wait(self) -> int:
        """Return for how many seconds the row is held."""
        if self.held_until is None:
            return 0
        return max(1, ceil((self.held_until - datetime.now(UTC)).total_seconds()))

    @property
    def base_again(self) -> str:
        """Return the base of the next attempt: the saved or, in a conflict, current one."""
        if self.outcome not in {Result.SAVED, Result.CONFLICT}:
            return ""
        return encode_base(self.version, self.revision)
