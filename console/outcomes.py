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

    What is removed and added anew begins at version 1 again: `life` is a number that tells which of
    them it is. `theirs` is what is there now, where that is no secret.
    """

    token: str
    outcome: Result
    message: str = ""
    field: str = ""
    version: int = 0
    life: int | None = None
    pk: int | None = None
    theirs: str = ""

    @property
    def base_again(self) -> str:
        """What a row is based on when it is sent again: after a conflict, on theirs.

        `console.posted_rows` reads it.
        """
        if self.outcome is not Result.CONFLICT:
            return ""
        return str(self.version) if self.life is None else f"{self.version}:{self.life}"
