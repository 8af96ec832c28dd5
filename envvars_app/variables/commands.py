"""What one row of a Save of variables asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Overrides(StrEnum):
    """What becomes of the overrides when their base is removed. ASK refuses, and names them."""

    ASK = ""
    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True)
class Change:
    """One row of a Save.

    `token` is the form's own name of the row. `variable_id` names a known variable; a new one
    comes with `key` and `branch_id` (None is All branches). `value` None removes. `base` is the
    version that the page was rendered with; 0 creates. `life` tells which variable of that version
    a new one may overwrite, by its id; None leaves it open.

    For a known one, a `key` renames it, None keeps its name; a base takes its overrides along.
    `seen` are the overrides, id to version, that somebody saw who removes them with their base;
    None stands for whatever there is. `note` is what its version says of where it came from. A
    removal may `forget` the values of all its versions: a secret has no history here.
    """

    token: str
    variable_id: int | None = None
    key: str | None = None
    branch_id: int | None = None
    value: str | None = None
    base: int = 0
    life: int | None = None
    overrides: Overrides = Overrides.ASK
    seen: Mapping[int, int] | None = None
    note: str = ""
    forget: bool = False
