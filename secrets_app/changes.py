"""What one row of a Save asks for, and how it ended."""

from dataclasses import dataclass
from enum import StrEnum

from secrets_app.store.base import SecretValue


@dataclass(frozen=True)
class Change:
    """One row of a Save.

    `token` is the form's own name of the row. `secret_id` names a known secret; a new one comes
    with `key` and `branch_id` (None is All branches). `value` None removes. `base` is the version
    that the page was rendered with; 0 creates.
    """

    token: str
    secret_id: int | None = None
    key: str = ""
    branch_id: int | None = None
    value: SecretValue | None = None
    base: int = 0


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
    """What to tell of a row. `version` is the base for another try; `field` is where it belongs."""

    token: str
    outcome: Result
    message: str = ""
    field: str = ""
    version: int = 0
    pk: int | None = None
