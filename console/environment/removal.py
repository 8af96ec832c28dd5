"""The values that are set on a branch, and how removing each of them ended."""

from dataclasses import dataclass

from console.lib.results import Result


@dataclass(frozen=True, slots=True)
class OwnValue:
    """A value set in a scope itself. `token` names it in a form, in the state that was shown.

    It is the value's id, a colon, and what a removal is based on. No two sources have the same ids.
    """

    key: str
    token: str

    @property
    def id(self) -> str:
        """Return the part of the token that names the value in any state."""
        return id_of(self.token)


def id_of(token: str) -> str:
    """Return the id in a token."""
    return token.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Removal:
    """How the removal of a value ended. `id` is that of an `OwnValue`.

    If it `asks`, nothing was removed, because no copy can be kept in the recycle bin.
    """

    key: str
    outcome: Result
    message: str
    asks: bool = False
    id: str = ""
