"""Commands: what each row of a save of variables asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Overrides(StrEnum):
    """What happens to the overrides when their base is removed. ASK refuses, and names them."""

    ASK = ""
    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True)
class VariableCommand:
    """One row of a save: which variable it is about, and the state that the row was based on.

    `token` is the row's name in the form. `variable_id` names an existing variable; a new one has a
    `key` and a `branch_id` (None is All branches) instead. `expected_version` is the version that
    the page showed, 0 for none. `revision` is the id of the variable that a new row may overwrite:
    one that was removed and added again is another. None accepts either. `note` goes into the
    history, such as where a value was copied from.
    """

    token: str
    variable_id: int | None = None
    key: str | None = None
    branch_id: int | None = None
    expected_version: int = 0
    revision: int | None = None
    note: str = ""


@dataclass(frozen=True)
class SetVariable(VariableCommand):
    """Create a variable, give it a new value, or rename it.

    The `key` of an existing variable renames it; None keeps its name. Renaming a base renames its
    overrides too. Without `line_breaks`, a value that starts or ends with a line break is refused.
    `restores` is the id of the removed variable that this takes out of the recycle bin. With
    `any_type` the value is saved whatever the type of its key, because it was saved before.
    """

    value: str = field(kw_only=True)
    line_breaks: bool = True
    restores: int | None = None
    any_type: bool = False


@dataclass(frozen=True)
class DeleteVariable(VariableCommand):
    """Remove a variable.

    `seen_overrides` are the overrides that the page showed, id to version, for Overrides.REMOVE:
    another one is a conflict. None accepts any. `erase_history` erases the values of all versions,
    for a variable that turned out to be a secret. If there is no recycle bin, it is removed only
    with `without_copy`.
    """

    overrides: Overrides = Overrides.ASK
    seen_overrides: Mapping[int, int] | None = None
    erase_history: bool = False
    without_copy: bool = False
