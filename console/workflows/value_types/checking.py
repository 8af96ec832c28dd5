"""Check stored values against the types of their keys.

A check reveals something about a secret, so it needs the permission to reveal it, and each secret
is audited before it is read. Only the return value has the result: in the audit trail, every member
could read it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from console.access.actions import Action
from console.access.policy import Access
from console.catalog.key_types import KeyTypes
from console.environment.keys import OwnKey
from console.environment.sources import EnvironmentSource, sources
from console.lib.value_types.types import ValueType
from console.models import Branch

BATCH = 100  # values that are read together, all or none


@dataclass(frozen=True)
class Checked:
    """A value that was checked, without the value. `branch` None is All branches."""

    noun: str
    key: str
    branch: Branch | None
    type: ValueType
    is_allowed: bool


def check_types(
    access: Access, scopes: Collection[Branch | None], keys: Collection[str] = ()
) -> Iterator[Checked]:
    """Check the values that these scopes have themselves, of these keys or of all.

    Keys without a type are left out. Raises PermissionDenied unless the actor may reveal each
    secret, ConfirmationRequired, or an error of a source's store.
    """
    types = KeyTypes(access.app).by_key
    wanted = types.keys() & {*keys} if keys else types.keys()
    by_id = {branch.pk if branch else None: branch for branch in scopes}
    for source in sources():
        rows = [it for it in source.own_keys(access) if it.key in wanted and it.branch_id in by_id]
        for start in range(0, len(rows), BATCH):
            for row, is_allowed in _check(access, source, rows[start : start + BATCH], types):
                yield Checked(
                    source.noun, row.key, by_id[row.branch_id], types[row.key], is_allowed
                )


def _check(
    access: Access, source: EnvironmentSource, rows: list[OwnKey], types: dict[str, ValueType]
) -> Iterator[tuple[OwnKey, bool]]:
    found = source.values(access, {row.pk for row in rows}, Action.SECRET_CHECKED)
    for row in rows:
        if row.pk in found:  # otherwise it was removed a moment ago
            yield row, types[row.key].allows(found[row.pk].text)
