"""Remove values of a branch, or of All branches: secrets and variables, from every source."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from console.access.policy import Access
from console.environment.removal import OwnValue, Removal, id_of
from console.environment.sources import EnvironmentSource, secrets_first
from console.lib.results import DONE, Result
from console.models import Branch

BATCH = 10  # the store looks up this many in one call


@dataclass(frozen=True)
class Group:
    """The values that one source has on a branch."""

    source: EnvironmentSource
    values: Sequence[OwnValue]

    def kept(self) -> str:
        """Return what stays and where, such as "3 of its secrets stay in the parameter store"."""
        return f"{len(self.values)} of its {self.source.noun}s stay in {self.source.kept_in}"


@dataclass
class Progress:
    """What was removed so far. `left` are the tokens of values that remain to be removed."""

    removals: list[Removal] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Return True if a value could not be removed."""
        return any(removal.outcome not in DONE for removal in self.removals)


def own_values(access: Access, branch: Branch | None) -> list[Group]:
    """Return what is set on the branch itself, secrets first. None is All branches."""
    return [Group(source, source.own_values(access, branch)) for source in secrets_first()]


def remove(
    access: Access,
    branch: Branch | None,
    tokens: Collection[str],
    change_set: UUID,
    *,
    without_copy: bool,
    may_go_on: Callable[[], bool],
    goes_on_after: Collection[Result] = DONE,
    without_bin: Collection[str] = (),
) -> Progress:
    """Remove the values that the tokens name, batch by batch while `may_go_on`, at least one.

    They go to the recycle bin. Only those that can't are removed for good, and only `without_copy`,
    and secrets whose ids are in `without_bin`, because their values are kept elsewhere.
    Stops after a batch in which one had another outcome than `goes_on_after`. Tokens of values that
    the branch doesn't have, or no longer, are ignored. Raises the errors of
    `EnvironmentSource.remove`.
    """
    progress = Progress()
    batches = list(_batches(own_values(access, branch), tokens, without_bin))
    for number, (source, batch) in enumerate(batches):
        is_stopped = any(it.outcome not in goes_on_after for it in progress.removals)
        if is_stopped or (number and not may_go_on()):
            progress.left += batch
        else:
            removals = source.remove(
                *(access, branch, batch, change_set),
                without_copy=(without_copy and not settings.BIN_DAYS)
                or id_of(batch[0]) in without_bin,
            )
            asking = {it.id for it in removals if it.asks} if without_copy else set()
            again = [token for token in batch if id_of(token) in asking]
            progress.removals += [it for it in removals if it.id not in asking]
            if again:
                progress.removals += source.remove(
                    access, branch, again, change_set, without_copy=True
                )
    return progress


def _batches(
    groups: Sequence[Group], tokens: Collection[str], apart: Collection[str]
) -> Iterator[tuple[EnvironmentSource, tuple[str, ...]]]:
    """Yield the tokens of each source. No batch has some of the ids in `apart` and others, too."""
    chosen = {id_of(token): token for token in tokens}
    for group in groups:
        ids = [value.id for value in group.values if value.id in chosen]
        for found in ([it for it in ids if it not in apart], [it for it in ids if it in apart]):
            for start in range(0, len(found), BATCH):
                yield group.source, tuple(chosen[it] for it in found[start : start + BATCH])
