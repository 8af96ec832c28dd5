"""What needs attention in an app: faults that sources report, and those that `console` adds."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class FaultKind(StrEnum):
    """The kinds of faults, the most urgent first."""

    MISSING = "missing"  # on production, but another branch has the key
    FAILED = "failed"  # the last deployment of a branch
    UNREACHABLE = "unreachable"  # so pages may be outdated
    UNSETTLED = "unsettled"  # the answer to a save was lost
    REMOVED_OUTSIDE = "removed outside"
    NOT_PUSHED = "not pushed"  # Amplify refused it, or didn't answer
    CONFLICT = "conflict"  # Amplify holds another value, and somebody has to decide
    OUTSIDE = "outside"  # changed outside Branchkeep
    MIRROR_ONLY = "mirror only"  # a mirror whose secret never existed in Branchkeep
    UNENCRYPTED = "unencrypted"
    UNFINISHED = "unfinished"  # the mirror of a saved secret
    UNKNOWN = "unknown"  # it belongs to no known branch
    LACKING = "lacking"  # on a branch, but production has the key
    WARNING = "warning"  # a guess, which can be dismissed


class Fault(NamedTuple):
    """One thing that needs attention. `branch_id` None is All branches, or no scope at all.

    `url` leads to it, and `list_url` to all of this kind. `number` counts those that have no key.
    """

    kind: FaultKind
    noun: str
    url: str
    list_url: str
    key: str = ""
    branch_id: int | None = None
    at: datetime | None = None
    number: int = 1


class Check(NamedTuple):
    """How the last check of a source's store ended. `at` is when the database last agreed with it.

    `at` None is never. `problem` is why it could not be reached, or "".
    `url` leads to a page that tells more.
    """

    store: str
    url: str
    at: datetime | None
    is_running: bool
    is_reachable: bool
    problem: str
