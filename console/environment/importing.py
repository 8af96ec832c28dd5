"""The rows of an import: what each would do, and what is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from console.models import Branch


class Change(StrEnum):
    """What importing a key into a scope would do. EXISTS is a stored value that nobody compared."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What importing a key into a scope would do, without its value.

    `base` is what the import is based on (`encode_base`). `size_before` is the size of the stored
    value in bytes, if it is known. `refusal` says why a save would refuse it, and `last_change` who
    wrote the stored value and when. `notes` are what a reader may not expect of the new value.
    """

    key: str
    branch: Branch | None
    change: Change
    base: str = "0"
    size_before: int | None = None
    refusal: str = ""
    last_change: str = ""
    notes: Sequence[str] = ()

    @property
    def scope(self) -> tuple[int | None, str]:
        """Return the id of the branch (None is All branches) and the key."""
        return self.branch.pk if self.branch else None, self.key


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A value to write for a key in a scope, if that is still as it was planned.

    `token` is the row's name in a form. `branch_id` None is All branches. `origin` is the audit
    event that the value was read by, or ONE_TEXT if it is written to several scopes.
    """

    token: str
    key: str
    branch_id: int | None
    value: str = field(repr=False)
    expected_version: int = 0
    revision: int | None = None
    origin: int | None = None
