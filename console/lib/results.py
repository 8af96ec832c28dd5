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


def base_of(version: int, life: int | None) -> str:
    """Return what a row's form says that it is based on; `console.lib.row_forms` reads it."""
    return str(version) if life is None else f"{version}:{life}"


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
        """What a row is based on when it is sent again: what was saved, in a conflict theirs."""
        if self.outcome not in {Result.SAVED, Result.CONFLICT}:
            return ""
        return base_of(self.version, self.life)
