"""Set types of keys from a project's manifest.

Everyone who can open a pull request can write a manifest, so no type applies by itself:
somebody who may set types sees what would change first (docs/adr/0063).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from console.access.policy import Access
from console.catalog import key_types, notes
from console.lib.scanning.manifest import Declared
from console.lib.value_types.types import ValueType

KEY_LIMIT = 255  # characters
TWICE = "The secret and the variable have different types here, and a key has one."
NO_KEY = "This can't be the name of a secret or variable."


@dataclass(frozen=True)
class PlannedType:
    """What importing a key's type would do. None is no type; `refusal` says why it can't be."""

    key: str
    now: ValueType | None
    new: ValueType | None
    base: int
    refusal: str = ""

    @property
    def is_change(self) -> bool:
        """Return True if it would change the key's type."""
        return not self.refusal and self.now != self.new


def plan(access: Access, declared: Sequence[Declared]) -> list[PlannedType]:
    """Return what the manifest says about types, by key. Takes one query."""
    said: dict[str, set[ValueType | None]] = {}
    for it in declared:
        if it.type or it.any_type:
            said.setdefault(it.key, set()).add(it.type)
    names = [key for key in said if key.isprintable() and len(key) <= KEY_LIMIT]
    stored = notes.current_of(access.app, names)
    planned = []
    for key, types in sorted(said.items()):
        row = stored.get(key)
        refusal = "" if key in names else NO_KEY
        refusal = refusal or (TWICE if len(types) > 1 else "")
        now, base = (row.value_type, row.version) if row else (None, 0)
        planned.append(PlannedType(key, now, next(iter(types)), base, refusal))
    return planned


def apply(access: Access, planned: PlannedType) -> None:
    """Set the type, if it is still as it was planned. Raises as `key_types.set_type` does."""
    key_types.set_type(
        actor=access.actor,
        app_id=access.app.app_id,
        key=planned.key,
        kind=planned.new.kind if planned.new else "",
        rule=planned.new.rule if planned.new else "",
        base=planned.base,
    )
