"""The recycle bin of an environment source: what was removed from it and can be restored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db.models import QuerySet

from console.access.policy import Access
from console.lib.results import RowOutcome
from console.models import App, Branch


class RemovedValue(NamedTuple):
    """What is known of a removed value, but not the value. `branch` None is All branches.

    `scope` is the branch's name at that time. `base` is that of a value of this key and branch that
    exists by now, "" if there is none: then restoring adds a version to that. `path` is where the
    store had a parameter that belonged to no known branch: it can only go back there.
    """

    pk: int
    key: str
    branch: Branch | None
    scope: str
    removed_at: datetime
    removed_by: str
    expires_at: datetime
    versions: int
    base: str
    path: str = ""


@dataclass
class BinUpkeep:
    """What was done in the recycle bin. `problem` is what the source's store said, or ""."""

    finished: int = 0
    purged: int = 0
    problem: str = ""


class RecycleBin(Protocol):
    """What was removed from one source. Raises Http404 for ids that aren't in the app's bin."""

    def kept(self, app: App) -> QuerySet[Any]:
        """Return the rows of what is in the app's recycle bin."""
        ...

    def removed(self, access: Access) -> Sequence[RemovedValue]:
        """Return what is in the app's recycle bin, from the database alone."""
        ...

    def known_to(self, access: Access, pks: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return, by id, who left and knows the value.

        From the database alone, in as many queries for many as for one. It may leave ids out.
        """
        ...

    def restore(
        self, access: Access, pk: int, change_set: UUID, *, to: Branch | None, base: str
    ) -> RowOutcome:
        """Save a removed value again, on the branch `to`; return how that ended.

        `base` is that of `RemovedValue`, "" to add one. Raises PermissionDenied,
        ConfirmationRequired for another branch than before, or an error of the source's store.
        """
        ...

    def delete(self, access: Access, pk: int) -> None:
        """Delete a removed value for good. Raises PermissionDenied, or an error of the store."""
        ...

    def clean_up(self) -> BinUpkeep:
        """Finish what was interrupted, and delete what has expired."""
        ...
