"""Move orphans to the recycle bin, or say what that would do.

Secrets of a deleted branch are removed as any secret is, and parameters of no known branch by their
own service. Both check the permission, the store and the state that was shown.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from console.access.policy import Access
from console.environment.removal import Removal, id_of
from console.lib.results import DONE
from console.models import Branch
from secrets_app.orphans.groups import Group, Orphan, SecretKind, find
from secrets_app.store.limits import BATCH
from secrets_app.sync import unknown_removal
from secrets_app.sync.removing import remove_secrets
from secrets_app.sync.unknown_copies import question
from secrets_app.sync.unknown_removal import CHANGED, HELD, NEVER

GONE = "It is no longer here. Somebody moved it, or added its branch."
_SECRET, _PARAMETER = "secret-", "parameter-"


@dataclass(frozen=True)
class Planned:
    """What moving an orphan would do. With a `problem` it stays; if it `asks`, no copy is kept."""

    group: Group
    orphan: Orphan
    problem: str = ""
    asks: bool = False


@dataclass
class Progress:
    """What was moved so far. `remaining` are the tokens that weren't tried yet."""

    removals: list[Removal] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Return how many were moved."""
        return sum(removal.outcome in DONE for removal in self.removals)

    @property
    def failed(self) -> list[Removal]:
        """Return what stays, and why."""
        return [removal for removal in self.removals if removal.outcome not in DONE]


def plan(access: Access, tokens: Collection[str]) -> tuple[list[Planned], int]:
    """Return what moving these would do, as of the last reconcile, and how many are gone."""
    chosen = {id_of(token): token for token in tokens}
    found = [
        _planned(access, group, orphan, chosen[orphan.id])
        for group in find(access)
        for orphan in group.orphans
        if orphan.id in chosen
    ]
    return found, len(chosen) - len(found)


def _planned(access: Access, group: Group, orphan: Orphan, token: str) -> Planned:
    if group.refusal:
        return Planned(group, orphan, group.refusal)
    if orphan.held_until:
        return Planned(group, orphan, HELD.format(orphan.held_until))
    if orphan.token != token:
        return Planned(group, orphan, CHANGED)
    return Planned(group, orphan, asks=bool(question(access.app, orphan.key)))


def move(
    access: Access,
    tokens: Sequence[str],
    change_set: UUID,
    *,
    without_copy: bool,
    may_go_on: Callable[[], bool],
) -> Progress:
    """Move what the tokens name, ten at a time while `may_go_on`, at least ten.

    What can't be kept there is removed only if `without_copy` is True. Tokens of anything but
    orphans are ignored. Stops after the first ten of which one could not be moved.
    Raises PermissionDenied, or StoreError if the store can't be read.
    """
    progress, groups = Progress(), [it for it in find(access) if it.refusal != NEVER]
    paths = {orphan.id: orphan.path for group in groups for orphan in group.orphans}
    for number, batch in enumerate(_batches(access, tokens, groups)):
        if progress.failed or (number and not may_go_on()):
            progress.remaining += batch.tokens
        else:
            removals = batch.remove(access, change_set, without_copy=without_copy)
            progress.removals += [replace(it, key=paths.get(it.id, it.key)) for it in removals]
    return progress


@dataclass(frozen=True)
class _Batch:
    """Tokens of one kind: of secrets of the same branch, or of unknown parameters for None."""

    branch: Branch | None
    tokens: Sequence[str]

    def remove(self, access: Access, change_set: UUID, *, without_copy: bool) -> list[Removal]:
        """Remove them. With `without_copy`, what no copy can be kept of is removed for good."""
        removals = self._remove(access, self.tokens, change_set, without_copy=False)
        asking = {it.id for it in removals if it.asks}
        if not without_copy or not asking:
            return removals
        tokens = [token for token in self.tokens if id_of(token) in asking]
        again = self._remove(access, tokens, change_set, without_copy=True)
        return [*(it for it in removals if not it.asks), *again]

    def _remove(
        self, access: Access, tokens: Sequence[str], change_set: UUID, *, without_copy: bool
    ) -> list[Removal]:
        prefix = _SECRET if self.branch else _PARAMETER
        bare = [token.removeprefix(prefix) for token in tokens]
        if self.branch:
            removals = remove_secrets(
                access, self.branch, bare, change_set, without_copy=without_copy
            )
        else:
            removals = unknown_removal.remove(
                access=access, tokens=bare, change_set=change_set, without_copy=without_copy
            )
        return [replace(it, id=f"{prefix}{it.id}") for it in removals]


def _batches(access: Access, tokens: Sequence[str], groups: Sequence[Group]) -> Iterator[_Batch]:
    chosen = {id_of(token): token for token in tokens}
    branches = {branch.name: branch for branch in access.branches}
    # Parameters first: a refusal to move them refuses the whole request.
    parts: dict[Branch | None, list[str]] = {None: []}
    for group in groups:
        branch = branches[group.branch] if isinstance(group.kind, SecretKind) else None
        found = [chosen[orphan.id] for orphan in group.orphans if orphan.id in chosen]
        parts.setdefault(branch, []).extend(found)
    for branch, found in parts.items():
        for start in range(0, len(found), BATCH):
            yield _Batch(branch, found[start : start + BATCH])
