"""The keys that a scope has itself, that a branch gets, and that a search finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from console.models import Branch


class Origin(StrEnum):
    """Where a branch gets a value from."""

    OWN = "own"
    INHERITED = "inherited"

    @classmethod
    def of(cls, scope_id: int | None, branch: Branch | None) -> "Origin":
        """Return the origin of a value set in a scope (a branch's id, None is All branches)."""
        return cls.OWN if scope_id == (branch.pk if branch else None) else cls.INHERITED


@dataclass(frozen=True, slots=True)
class EffectiveKey:
    """A key that a branch gets, without its value."""

    key: str
    origin: Origin


class OwnKey(NamedTuple):
    """A key that a scope has itself, without its value. A tuple, because pages read thousands.

    `pk` names it for `EnvironmentSource.url`, and `token` for `EnvironmentSource.remove`.
    `branch_id` None is All branches. It is pending while its last save has not arrived everywhere.
    `changed_at` None is not known yet, and `changed_by` "" is somebody outside Branchkeep.
    `version` 0 is of one whose first save is not settled yet.
    """

    pk: int
    key: str
    branch_id: int | None
    is_pending: bool
    changed_at: datetime | None
    changed_by: str
    token: str
    version: int = 0


class FoundKey(NamedTuple):
    """A key that a search found in an app, with the scopes that have it themselves.

    `scopes` maps each branch's id (None is All branches) to what names the value for
    `EnvironmentSource.url`: All branches first, then branches in order.
    """

    app_id: int
    key: str
    scopes: Mapping[int | None, int]


@dataclass(frozen=True, slots=True)
class ReadValue:
    """A value, and the audit event that it was read by, None if reading it is no act."""

    text: str = field(repr=False)
    event: int | None
