"""Secrets in the recycle bin, as `console.environment` knows it."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet

from console.access.policy import Access
from console.environment.recycle_bin import BinUpkeep, RemovedValue
from console.lib.results import RowOutcome
from console.lib.row_forms import NO_VERSION, known_base
from console.models import App, Branch
from secrets_app import recycle_bin
from secrets_app.history import bin_actions, former_members, parameter_bin
from secrets_app.models import BinEntry, Secret
from secrets_app.sync.bin_upkeep import finish_due


class SecretBin:
    """Removed secrets. Their values are in the parameter store."""

    def kept(self, app: App) -> QuerySet[BinEntry]:
        """Return the rows of what is in the app's recycle bin."""
        return recycle_bin.kept(app)

    def removed(self, access: Access) -> Sequence[RemovedValue]:
        """Return what is in the app's recycle bin. Takes two queries."""
        entries = [*recycle_bin.kept(access.app)]
        keys = {entry.key for entry in entries}
        rows = Secret.objects.filter(app=access.app, key__in=keys, version__gt=0)
        there = {(row.branch_id, row.key): row.base for row in rows} if keys else {}
        return [
            RemovedValue(
                entry.pk,
                entry.key,
                entry.branch,
                entry.scope,
                entry.removed_at,
                entry.removed_by,
                entry.expires_at or entry.removed_at,
                1,
                "" if entry.folder else there.get((entry.branch_id, entry.key), ""),
                entry.path,
            )
            for entry in entries
        ]

    def known_to(self, access: Access, pks: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return who left and knows these values."""
        return former_members.of_entries(access, recycle_bin.kept(access.app).filter(pk__in=pks))

    def restore(
        self, access: Access, pk: int, change_set: UUID, *, to: Branch | None, base: str
    ) -> RowOutcome:
        """Save the secret again, from its copy in the store; a parameter goes where it was."""
        entry = bin_actions.find_entry(access, pk)
        if entry.folder:
            return parameter_bin.restore(access, entry, change_set)
        version, revision = known_base(base or "0")
        if version and revision is None:  # another secret of that name could have this version
            version = NO_VERSION
        return bin_actions.restore(access, entry, change_set, to=to, base=(version, revision))

    def delete(self, access: Access, pk: int) -> None:
        """Delete the copy for good."""
        bin_actions.delete(access, bin_actions.find_entry(access, pk))

    def clean_up(self) -> BinUpkeep:
        """Finish interrupted removals and restores, and delete what has expired."""
        return finish_due()
