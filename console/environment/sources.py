"""The interface that feature apps offer to what spans secrets and variables.

Each feature app registers one `EnvironmentSource` when Django starts (in its `AppConfig.ready`).
What spans them, in `console.workflows`, knows only this registry.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from console.access.actions import Action
from console.access.policy import Access
from console.environment.explaining import Explanation
from console.environment.faults import Check, Fault
from console.environment.importing import ImportRow, PlannedRow
from console.environment.keys import EffectiveKey, FoundKey, OwnKey, ReadValue
from console.environment.recycle_bin import RecycleBin
from console.environment.removal import OwnValue, Removal
from console.environment.undo import UndoRow
from console.environment.warnings import AppWarning
from console.lib.results import RowOutcome
from console.lib.text.dotenv import Entry
from console.lib.text.remarks import Remarks
from console.models import Branch


class EnvironmentSource(Protocol):
    """One kind of value in a branch's environment."""

    @property
    def noun(self) -> str:
        """Return the singular of what it holds, such as "secret"."""
        ...

    @property
    def is_confidential(self) -> bool:
        """Return True if reading a value is an act: permitted by role and audited."""
        ...

    @property
    def remarks(self) -> Remarks:
        """Return what is said about a value of it."""
        ...

    @property
    def kept_in(self) -> str:
        """Return where a deleted branch's values stay, such as "the parameter store"."""
        ...

    @property
    def bin(self) -> RecycleBin:
        """Return what was removed and can be restored."""
        ...

    def own_keys(self, access: Access) -> Sequence[OwnKey]:
        """Return what each scope of the app has itself, from the database alone.

        In the order of keys. Deleted branches that still have values count.
        """
        ...

    def search(self, accesses: Sequence[Access], text: str, limit: int) -> Sequence[FoundKey]:
        """Return keys of these apps that contain the text, best first, at most `limit`.

        Those of the first app go first. Values are not searched. Takes two queries.
        """
        ...

    def url(self, access: Access, pk: int) -> str:
        """Return the page of the value that an `OwnKey` names."""
        ...

    def find_key(self, access: Access, pk: int) -> tuple[str, int | None]:
        """Return key and scope (a branch's id, None is All branches) of the value that an `OwnKey`
        names. Raises Http404.
        """
        ...

    def edit_url(self, access: Access, pk: int) -> str:
        """Return the page with the form that changes a value.

        With `?on=` and a branch's id, "" for All branches, it adds the value's key there. With
        `#override`, it asks for a branch.
        """
        ...

    def list_url(self, access: Access, **query: object) -> str:
        """Return the list of the app's values, filtered by `q` and `branch` (its id).

        With `key`, its first row is filled with that key.
        """
        ...

    def effective_keys(self, access: Access, branch: Branch | None) -> Sequence[EffectiveKey]:
        """Return the keys that a branch gets, sorted, from the database alone.

        These are its own, otherwise those for All branches. None returns what a branch without
        overrides gets.
        """
        ...

    def effective_values(self, access: Access, branch: Branch | None) -> Mapping[str, str]:
        """Return the values of the effective keys, as they are in the store now.

        For a confidential source each is audited first. Raises PermissionDenied if a permission is
        missing, and an error of the source's store.
        """
        ...

    def values(self, access: Access, pks: Collection[int], act: Action) -> Mapping[int, ReadValue]:
        """Return the values that these `OwnKey`s name, as they are in the store now.

        For a confidential source this is an act, such as comparing: each value is audited first.
        Values that are gone are left out of the answer, or all fail. Raises PermissionDenied if a
        permission is missing, ConfirmationRequired, and an error of the source's store.
        """
        ...

    def refresh(self, access: Access) -> None:
        """Find values that are kept outside the database, such as those of a new branch.

        Work that takes long goes on in the background. Raises nothing if the source's store
        doesn't answer: it is asked again when the app's pages are looked at.
        """
        ...

    def faults(self, access: Access) -> Sequence[Fault]:
        """Return what needs attention, from the database alone.

        The number of queries doesn't depend on the number of branches and keys.
        """
        ...

    def warnings(self, access: Access, keys: Collection[str] | None = None) -> Sequence[AppWarning]:
        """Return what may cause trouble, from the database alone.

        `keys` narrow it to these keys, or names of branches. Takes one query at most.
        """
        ...

    def check(self, access: Access) -> None:
        """Compare with what is kept outside the database, unless that was done a moment ago.

        Raises nothing if the source's store doesn't answer, which `last_check` then tells.
        """
        ...

    def last_check(self, access: Access) -> Check | None:
        """Return how the last check ended, None if nothing is kept outside the database."""
        ...

    def explain(self, access: Access, key: str, branch: Branch | None) -> Explanation | None:
        """Return why a branch gets its value of a key, from the database alone; without values.

        `branch` None explains what a branch without a value of its own gets. None if the source
        doesn't know the key in any scope of the app.
        """
        ...

    def own_values(self, access: Access, branch: Branch | None) -> Sequence[OwnValue]:
        """Return what is set on the branch itself, sorted by key, from the database alone.

        None is All branches.
        """
        ...

    def overrides(self, access: Access, keys: Collection[str]) -> Collection[tuple[int, str]]:
        """Return (branch id, key) of what branches have of their own under these keys."""
        ...

    def remove(
        self,
        access: Access,
        branch: Branch | None,
        tokens: Collection[str],
        change_set: UUID,
        *,
        without_copy: bool = False,
    ) -> Sequence[Removal]:
        """Remove the branch's own values that these tokens name, each checked and audited.

        None is All branches, whose overrides stay. The values go to the recycle bin; those that
        can't are removed only `without_copy`. Values that have changed since stay. Raises an error
        of the source's store.
        """
        ...

    def plan(
        self, access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
    ) -> Sequence[PlannedRow]:
        """Return what importing each entry into each scope would do, from the database alone.

        None among the scopes is All branches.
        """
        ...

    def compare(
        self, access: Access, entries: Sequence[Entry], rows: Sequence[PlannedRow]
    ) -> Sequence[PlannedRow]:
        """Return the rows, and say of those that exist whether the value would change.

        For a confidential source each comparison is audited first. Rows that the actor may not
        reveal stay as they are. Raises ConfirmationRequired, or an error of the source's store.
        """
        ...

    def apply(
        self, access: Access, rows: Sequence[ImportRow], change_set: UUID
    ) -> Sequence[RowOutcome]:
        """Write the rows, each checked and audited, and return one outcome per row.

        Values that have changed since they were planned stay. If the source's store can't be
        read, the first row has failed, and the others are NOT_TRIED.
        """
        ...

    def known_to(self, access: Access, pks: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return, by id, who left and knows the values that these `OwnKey`s name.

        From the database alone, in as many queries for many as for one. It may leave ids out.
        """
        ...

    def undo_plan(
        self, access: Access, change_set: UUID, undone_by: Collection[UUID]
    ) -> Sequence[UndoRow]:
        """Return what undoing a change set would do, from the database alone.

        `undone_by` are the change sets that undid it before, as a whole or in part.
        """
        ...

    def undo(
        self,
        access: Access,
        change_set: UUID,
        undone_by: Collection[UUID],
        tokens: Collection[str],
        new: UUID,
    ) -> Sequence[RowOutcome]:
        """Undo the changes that these tokens name, under the change set `new`.

        Plans again first: what isn't ready stays, and its outcome says why. Each is checked and
        audited as the act that it repeats. Raises no error of the source's store.
        """
        ...


_sources: dict[str, EnvironmentSource] = {}


def register(source: EnvironmentSource) -> None:
    """Add a source. Registering its noun again replaces it."""
    _sources[source.noun] = source


def source_of(noun: str) -> EnvironmentSource:
    """Return the source of this noun."""
    return _sources[noun]


def sources() -> list[EnvironmentSource]:
    """Return the registered sources, confidential ones last.

    Values merged in this order keep the confidential one if several sources have a key.
    """
    return sorted(_sources.values(), key=lambda source: (source.is_confidential, source.noun))


def secrets_first() -> list[EnvironmentSource]:
    """Return the registered sources in the order in which pages show them."""
    return [*reversed(sources())]
