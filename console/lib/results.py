"""Outcomes of the rows of a save. A save has many rows, and each reports for itself."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a row ended."""

    SAVED = "saved"
    REMOVED = "removed"
    CONFLICT = "conflict"
    REFUSED = "refused"
    DENIED = "denied"
    UNKNOWN = "unknown"
    FAILED = "failed"
    NOT_TRIED = "not_tried"


DONE = {Result.SAVED, Result.REMOVED}


def encode_base(version: int, revision: int | None) -> str:
    """Return a row's expected version as its form posts it; `console.lib.row_forms` parses it."""
    return str(version) if revision is None else f"{version}:{revision}"


@dataclass(frozen=True)
class RowOutcome:
    """What to show for a row: `version` is the base of another attempt, `field` the one to mark.

    A secret that is removed and added again starts at version 1 again; `revision` tells the two
    apart. `theirs` is the current value in a conflict, unless it is a secret.
    """

    token: str
    outcome: Result
    message: str = ""
    field: str = ""
    version: int = 0
    revision: int | None = None
    pk: int | None = None
    theirs: str = ""

    @property
    def base_again(self) -> str:
        """Return the base of the next attempt: the saved or, in a conflict, current one."""
        if self.outcome not in {Result.SAVED, Result.CONFLICT}:
            return ""
        return encode_base(self.version, self.revision)
