"""How one row of a Save ended. A Save has many, and each answers for itself."""

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


@dataclass(frozen=True)
class RowOutcome:
    """What to tell of a row. `version` is the base for another try; `field` is where it belongs.

    `theirs` is what is there now, where that is no secret.
    """

    token: str
    outcome: Result
    message: str = ""
    field: str = ""
    version: int = 0
    pk: int | None = None
    theirs: str = ""

    @property
    def base_again(self) -> str:
        """What a new row is based on when it is sent again: after a conflict, on theirs."""
        return str(self.version) if self.outcome is Result.CONFLICT and self.version else ""
