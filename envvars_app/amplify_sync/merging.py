"""The three-way merge of variables: what was last synchronized, what is here, what Amplify holds.

Pure functions. Amplify has no condition for its writes, so the map to write is made from the map
that was just read, and only keys that nobody changed in Amplify are replaced in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from envvars_app.models import SyncState

Value = str | None  # None: there is no such variable
FILLER = " "  # the key that clears a map, since Amplify ignores an empty one


def state_of(*, synced: Value, ours: Value, held: Value, is_pending: bool) -> SyncState:
    """Return how a value compares with the one that Amplify holds."""
    if ours == held:
        return SyncState.SAME
    if not is_pending:
        return SyncState.DRIFT
    return SyncState.PENDING if held == synced else SyncState.CONFLICT


@dataclass(frozen=True, slots=True)
class Pending:
    """A value that waits to be pushed, and the one that was last synchronized."""

    synced: Value
    ours: Value


@dataclass(frozen=True, slots=True)
class Merge:
    """The map to write, and the values that it brings to Amplify."""

    variables: Mapping[str, str]
    pushed: Mapping[str, Value]


def merge(held: Mapping[str, str], pending: Mapping[str, Pending]) -> Merge:
    """Return what Amplify holds with the pending values, except those in conflict."""
    variables = {key: value for key, value in held.items() if key != FILLER}
    pushed: dict[str, Value] = {}
    for key, value in pending.items():
        state = state_of(synced=value.synced, ours=value.ours, held=held.get(key), is_pending=True)
        if state is not SyncState.PENDING:
            continue
        pushed[key] = value.ours
        if value.ours is None:
            variables.pop(key, None)
        else:
            variables[key] = value.ours
    return Merge(variables, pushed)


def storable(held: Mapping[str, str], key_limit: int) -> dict[str, str]:
    """Return the variables that the database can hold. The others stay in Amplify as they are."""
    return {
        key: value
        for key, value in held.items()
        if key != FILLER and len(key) <= key_limit and is_text(key) and is_text(value)
    }


def is_text(text: str) -> bool:
    """Return False for what PostgreSQL refuses: NUL, and half a character."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)
