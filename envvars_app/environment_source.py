"""Variables as a source of a branch's environment (`console.environment`)."""

import re
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from console.access.actions import Action
from console.access.actors import OUTSIDE
from console.access.policy import Access
from console.environment.explaining import Explanation
from console.environment.faults import Fault
from console.environment.importing import ImportRow, PlannedRow
from console.environment.keys import EffectiveKey, FoundKey, Origin, OwnKey, ReadValue
from console.environment.removal import OwnValue, Removal
from console.environment.searching import find_keys
from console.environment.undo import UndoRow
from console.environment.warnings import AppWarning
from console.lib.results import DONE, RowOutcome
from console.lib.text.dotenv import Entry
from console.models import Branch
from envvars_app import importing
from envvars_app.amplify_sync import explaining, faults
from envvars_app.amplify_sync.queries import pending_keys
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.formats.validation import REMARKS
from envvars_app.models import Variable
from envvars_app.variable_bin import VariableBin
from envvars_app.variables import save, undoing, warnings
from envvars_app.variables.commands import DeleteVariable, Overrides
from envvars_app.variables.history import find_variable
from envvars_app.variables.queries import effective_values, own_variables

_TOKEN = re.compile(r"(variable-([1-9][0-9]{0,14})):([0-9]{1,9})\Z", re.ASCII)


class VariableSource:
    """Environment variables: plain configuration, which every member may read."""

    noun = "variable"
    is_confidential = False
    remarks = REMARKS
    kept_in = "Branchkeep"
    bin = VariableBin()

    def own_keys(self, access: Access) -> Sequence[OwnKey]:
        """Return what each scope has. Takes one query, and another one in a connected app.

        A variable is pending while it waits to be pushed to Amplify.
        """
        rows = Variable.objects.filter(app=access.app, removed_at=None).order_by("key")
        columns = ("pk", "key", "branch_id", "changed_at", "changed_by", "version")
        pending = pending_keys(access)
        return [
            OwnKey(
                *(pk, key, branch_id, (branch_id, key) in pending, at, _shown(by)),
                token=f"variable-{pk}:{version}",
                version=version,
            )
            for pk, key, branch_id, at, by, version in rows.values_list(*columns)
        ]

    def search(self, accesses: Sequence[Access], text: str, limit: int) -> Sequence[FoundKey]:
        """Return keys that contain the text. Takes two queries."""
        return find_keys(Variable.objects.filter(removed_at=None), accesses, text, limit)

    def url(self, access: Access, pk: int) -> str:
        """Return the page of a variable."""
        return reverse("variable_detail", args=[access.app.app_id, pk])

    def find_key(self, access: Access, pk: int) -> tuple[str, int | None]:
        """Return key and scope of a variable, even of a removed one. Raises Http404."""
        return (variable := find_variable(access, pk)).key, variable.branch_id

    def edit_url(self, access: Access, pk: int) -> str:
        """Return the page that edits a variable, or adds its key in another scope."""
        return reverse("variable_edit", args=[access.app.app_id, pk])

    def list_url(self, access: Access, **query: object) -> str:
        """Return the list of variables."""
        return reverse("variables", args=[access.app.app_id], query=query)

    def effective_keys(self, access: Access, branch: Branch | None) -> Sequence[EffectiveKey]:
        """Return the keys that the branch gets, sorted."""
        own = own_variables(access, branch)
        scope_id = branch.pk if branch else None
        return [
            EffectiveKey(key, Origin.of(scope_id if key in own else None, branch))
            for key in effective_values(access, branch)
        ]

    def effective_values(self, access: Access, branch: Branch | None) -> Mapping[str, str]:
        """Return the values that the branch gets, by key."""
        return effective_values(access, branch)

    def values(self, access: Access, pks: Collection[int], act: Action) -> Mapping[int, ReadValue]:
        """Return the values of variables, which every member may read."""
        rows = Variable.objects.filter(app=access.app, pk__in=pks, removed_at=None)
        return {pk: ReadValue(text, None) for pk, text in rows.values_list("pk", "value")}

    def refresh(self, access: Access) -> None:
        """Do nothing: variables are in the database, and Amplify's are taken from a snapshot."""

    def faults(self, access: Access) -> Sequence[Fault]:
        """Return what could not be pushed to Amplify, or needs a decision."""
        return faults.of_app(access)

    def warnings(self, access: Access, keys: Collection[str] | None = None) -> Sequence[AppWarning]:
        """Return placeholders, values that are nearly full, and hosts of other environments."""
        return warnings.of_app(access, keys)

    def check(self, access: Access) -> None:
        """Do nothing: pages of a connected app refresh it by themselves."""

    def last_check(self, access: Access) -> None:
        """Return None: variables are in the database."""

    def explain(self, access: Access, key: str, branch: Branch | None) -> Explanation | None:
        """Return why a branch gets its value of a variable."""
        return explaining.explain(access, key, branch)

    def own_values(self, access: Access, branch: Branch | None) -> Sequence[OwnValue]:
        """Return the branch's own variables."""
        return [
            OwnValue(key, f"variable-{row.pk}:{row.version}")
            for key, row in own_variables(access, branch).items()
        ]

    def overrides(self, access: Access, keys: Collection[str]) -> Collection[tuple[int, str]]:
        """Return which branches override these keys."""
        rows = Variable.objects.filter(app=access.app, removed_at=None, key__in=keys)
        return set(rows.exclude(branch=None).values_list("branch_id", "key"))

    def remove(
        self,
        access: Access,
        branch: Branch | None,
        tokens: Collection[str],
        change_set: UUID,
        *,
        without_copy: bool = False,
    ) -> Sequence[Removal]:
        """Remove variables of the branch. They are in the recycle bin for a while.

        In a connected app the removal is pushed to Amplify.
        """
        found = {int(match[2]): match for match in filter(None, map(_TOKEN.match, tokens))}
        rows = [row for row in own_variables(access, branch).values() if row.pk in found]
        commands = [
            DeleteVariable(
                str(row.pk),
                row.pk,
                expected_version=int(found[row.pk][3]),
                overrides=Overrides.KEEP,
                without_copy=without_copy,
            )
            for row in rows
        ]
        outcomes = save.save_as(access=access, commands=commands, change_set=change_set)
        push_waiting(access.app)
        return [
            Removal(row.key, it.outcome, it.message, it.field == "copy", f"variable-{row.pk}")
            for row, it in zip(rows, outcomes, strict=True)
        ]

    def plan(
        self, access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
    ) -> Sequence[PlannedRow]:
        """Return what an import would do, as bulk edit's preview does."""
        return importing.plan(access, entries, scopes)

    def compare(
        self, access: Access, entries: Sequence[Entry], rows: Sequence[PlannedRow]
    ) -> Sequence[PlannedRow]:
        """Return the rows: every member may read variables, so the plan compares already."""
        return rows

    def apply(
        self, access: Access, rows: Sequence[ImportRow], change_set: UUID
    ) -> Sequence[RowOutcome]:
        """Write what was planned."""
        return importing.apply(access, rows, change_set)

    def known_to(self, access: Access, pks: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return nothing: every member may read variables."""
        return {}

    def undo_plan(
        self, access: Access, change_set: UUID, undone_by: Collection[UUID]
    ) -> Sequence[UndoRow]:
        """Return what undoing would do."""
        return undoing.undo_plan(access, change_set, undone_by)

    def undo(
        self,
        access: Access,
        change_set: UUID,
        undone_by: Collection[UUID],
        tokens: Collection[str],
        new: UUID,
    ) -> Sequence[RowOutcome]:
        """Save the values and names from before, and push them if the app is connected."""
        outcomes = undoing.undo(access, change_set, undone_by, tokens, new)
        if any(outcome.outcome in DONE for outcome in outcomes):
            push_waiting(access.app)
        return outcomes


def _shown(changed_by: str) -> str:
    return "" if changed_by == OUTSIDE.label else changed_by
