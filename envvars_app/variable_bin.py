"""Variables in the recycle bin, as `console.environment` knows it."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet

from console.access.policy import Access
from console.environment.recycle_bin import BinUpkeep, RemovedValue
from console.lib.results import DONE, RowOutcome, encode_base
from console.lib.row_forms import new_base
from console.models import App, Branch, scope_name
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.models import Variable
from envvars_app.variables import recycle_bin, save
from envvars_app.variables.commands import SetVariable


class VariableBin:
    """Removed variables. Their rows are kept for as long as they can be restored."""

    def kept(self, app: App) -> QuerySet[Variable]:
        """Return the rows of what is in the app's recycle bin."""
        return recycle_bin.kept(app)

    def removed(self, access: Access) -> Sequence[RemovedValue]:
        """Return what is in the app's recycle bin. Takes two queries."""
        live = Variable.objects.filter(app=access.app, removed_at=None)
        there: dict[tuple[int | None, str], str] = {
            (branch_id, key): encode_base(version, pk)
            for branch_id, key, version, pk in live.values_list("branch_id", "key", "version", "pk")
        }
        return [
            RemovedValue(
                row.pk,
                row.key,
                row.branch,
                scope_name(row.branch),
                row.changed_at,
                row.changed_by,
                row.expires_at or row.changed_at,
                row.version - 1,
                there.get((row.branch_id, row.key), ""),
            )
            for row in recycle_bin.kept(access.app)
        ]

    def known_to(self, access: Access, pks: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return nothing: every member may read variables."""
        return {}

    def restore(
        self, access: Access, pk: int, change_set: UUID, *, to: Branch | None, base: str
    ) -> RowOutcome:
        """Save the variable again, and push it to Amplify if the app is connected."""
        variable = recycle_bin.find_removed(access, pk)
        version, revision = new_base(base)
        command = SetVariable(
            "restore",
            key=variable.key,
            branch_id=to.pk if to else None,
            value=variable.value,
            expected_version=version,
            revision=revision,
            note="restored from the recycle bin",
            restores=pk,
            any_type=True,
        )
        [outcome] = save.save(
            actor=access.actor,
            app_id=access.app.app_id,
            commands=[command],
            change_set=change_set,
        )
        if outcome.outcome in DONE:
            recycle_bin.take_out([pk])  # if the variable already had this value
            push_waiting(access.app)
        return outcome

    def delete(self, access: Access, pk: int) -> None:
        """Delete the variable and its history for good."""
        recycle_bin.delete(access, recycle_bin.find_removed(access, pk))

    def clean_up(self) -> BinUpkeep:
        """Delete the removed variables that have expired."""
        return BinUpkeep(purged=recycle_bin.purge())
