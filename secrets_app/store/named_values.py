"""The NamedValues protocol: where self-managed hosting keeps its configuration and its secrets."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secrets_app.store.base import SecretValue


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A value's metadata. `version` is the store's identifier of it, "" if there is no value.

    `removed` means that it is scheduled for deletion and can be restored.
    """

    name: str
    version: str
    modified: datetime | None
    encrypted: bool = True
    removed: bool = False


class NamedValues(Protocol):
    """A store of values by name. The methods raise errors of `store.errors` only."""

    can_restore: bool  # what was removed
    lists_late: bool  # `list` may miss changes of the last minutes, `find` does not

    def list(self, folder: str) -> Iterator[NamedValue]:
        """Yield the values below a folder, also removed ones. Decrypts nothing.

        `version` may be "" if the listing doesn't contain it.
        """

    def find(self, name: str) -> NamedValue | None:
        """Return a value's metadata, also if it is removed. Decrypts nothing."""

    def read(self, name: str) -> tuple[NamedValue, SecretValue]:
        """Return a value, decrypted. Raises NotFound."""

    def create(self, name: str, value: SecretValue) -> str:
        """Write the first value and return its version. Raises AlreadyExists or OutcomeUnknown."""

    def replace(self, found: NamedValue, value: SecretValue, *, is_guarded: bool) -> str:
        """Write the next value and return its version. Raises OutcomeUnknown.

        Raises Conflict with `is_guarded` if the version is no longer that of `found`.
        """

    def remove(self, found: NamedValue) -> None:
        """Remove a value. Raises NotFound or OutcomeUnknown."""

    def restore(self, found: NamedValue) -> None:
        """Restore a removed value. Raises OutcomeUnknown."""
