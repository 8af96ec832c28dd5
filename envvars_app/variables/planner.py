"""Planning: which variables a row of a save writes, or why it is refused. Nothing here writes.

A planner holds the variables that a save touches, in memory. Applying a plan changes them there, so
that later rows of the same save see the effect of earlier ones.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NoReturn

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils import timezone

from console.access.policy import Access, Permission
from console.audit.events import Action, Target
from console.audit.refusals import THROUGH_ANOTHER_APP, Refusal, refused_new_row
from console.catalog.key_types import KeyTypes
from console.lib.naming.natural import natural_key
from console.lib.results import Result, RowOutcome
from console.lib.row_forms import NO_VERSION
from console.lib.text.invisible import LINE_BREAK, has_line_break_at_end
from console.models import Branch, scope_name
from envvars_app.formats import validation
from envvars_app.formats.hints import check_amplify_value
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import messages
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable, VariableCommand
from envvars_app.variables.plan import Denied, Plan, Refused, Taken, Write


class Planner:
    """The variables that a save touches, as they are, then as the plans leave them."""

    def __init__(self, access: Access, commands: Iterable[VariableCommand]) -> None:
        commands = list(commands)
        self.access = access
        self.types = KeyTypes(access.app)
        self.branches: dict[int | None, Branch] = {b.pk: b for b in access.branches}
        ids = {c.variable_id for c in commands if c.variable_id is not None}
        mine = Variable.objects.filter(app=access.app)
        self.known = {row.pk: row for row in mine.filter(pk__in=ids)}
        keys = {c.key for c in commands if c.key} | {row.key for row in self.known.values()}
        self.live: dict[tuple[int | None, str], Variable] = {}
        for row in mine.filter(~Q(pk__in=ids), removed_at=None, key__in=_storable(keys)):
            self.known[row.pk] = row
        restored = {c.restores for c in commands if isinstance(c, SetVariable) and c.restores}
        self.restorable = _values_of(access, restored) if restored else set()
        for row in self.known.values():
            row.branch = self.branches.get(row.branch_id)
            if row.removed_at is None:
                self.live[row.branch_id, row.key] = row

    def plan(self, command: VariableCommand) -> Plan:
        """Return the plan of a command. Raises Refused, or Denied if a permission is missing."""
        if command.variable_id is None:
            return self._creation(command, command.key or "")
        variable = self.known.get(command.variable_id)
        if variable is None:
            raise self._unknown(command)
        return self._existing(command, variable)

    def _unknown(self, command: VariableCommand) -> Refused:
        """Return the refusal of an id that the app doesn't have.

        If it is another app's, the attempt is recorded there, and nobody else may know of it.
        """
        outcome = RowOutcome(command.token, Result.CONFLICT, messages.GONE)
        rows = Variable.objects.select_related("app", "branch")
        foreign = rows.filter(pk=command.variable_id or 0).first()
        if foreign is None:
            return Refused(outcome)
        target = Target(foreign.app.app_id, scope_name(foreign.branch), foreign.key)
        return Denied(outcome, Refusal(Action.VARIABLE_CHANGED, target, THROUGH_ANOTHER_APP))

    def apply(self, plan: Plan) -> None:
        """Apply a plan to this state, in memory."""
        for write in plan.writes:
            row = write.variable
            self.live.pop((row.branch_id, write.old_key), None)
            row.key, row.version = write.key, write.version
            if write.value is None:
                row.removed_at = timezone.now()
                row.value = "" if write.erase_history else row.value
            else:
                row.value = write.value
                self.live[row.branch_id, row.key] = row

    def _existing(self, command: VariableCommand, variable: Variable) -> Plan:
        match command:
            case SetVariable():
                return self._change(command, variable)
            case DeleteVariable():
                return self._removal(command, variable)
        raise TypeError(f"Unknown command: {type(command).__name__}")

    def _creation(self, command: VariableCommand, key: str) -> Plan:
        branch = self._branch(command)
        self._require(command, branch, Action.VARIABLE_CREATED, key)
        there = self.live.get((command.branch_id, key))
        if there is not None:
            return self._creation_over_existing(command, there)
        if command.expected_version or not isinstance(command, SetVariable):
            raise Refused(RowOutcome(command.token, Result.CONFLICT, messages.GONE))
        if command.restores and (command.restores, command.value) not in self.restorable:
            raise Refused(RowOutcome(command.token, Result.CONFLICT, messages.NOT_RESTORABLE))
        self._check(command, key, command.value)
        self._check_type(command, key, command.value)
        row = Variable(app=self.access.app, branch=branch, key=key, value=command.value, version=1)
        write = Write(row, Action.VARIABLE_CREATED, key, key, command.value, 1, command.note)
        return Plan(command, row, [write])

    def _creation_over_existing(self, command: VariableCommand, there: Variable) -> Plan:
        """Plan a new row whose variable exists, against the version that the row expects."""
        if there.pk is None:
            self._refuse(command, "Another row in this save has the same name and branch.", "key")
        return self._existing(command, there)

    def _change(self, command: SetVariable, row: Variable) -> Plan:
        value = command.value
        key = row.key if command.key is None else command.key
        action = Action.VARIABLE_CHANGED if key == row.key else Action.VARIABLE_RENAMED
        self._require(command, row.branch, action, row.key)
        if row.removed_at is None and (key, value) == (row.key, row.value):
            return Plan(command, row)  # nothing to write: it already has this name and value
        self._check_base(command, row)
        self._check(command, key, value)
        self._check_type(command, key, value)
        others = self._overrides_to_rename(command, row, key)
        note = command.note or (f"renamed from {row.key}" if key != row.key else "")
        writes = [Write(row, action, row.key, key, value, row.version + 1, note)]
        writes += [
            Write(one, action, one.key, key, one.value, one.version + 1, note) for one in others
        ]
        return Plan(command, row, writes)

    def _overrides_to_rename(
        self, command: VariableCommand, row: Variable, key: str
    ) -> list[Variable]:
        """Return the overrides to rename with their base. Raises Refused."""
        if key == row.key:
            return []
        if row.branch_id is not None and (None, row.key) in self.live:
            self._refuse(
                command,
                "An override has the same name as its base. Rename the base instead.",
                "key",
            )
        others = self._overrides(row)
        for one in others:
            self._require(command, one.branch, Action.VARIABLE_RENAMED, one.key)
            self._check_type(command, key, one.value, f" ({scope_name(one.branch)})")
        self._check_free(command, key, [row, *others])
        return others

    def _removal(self, command: DeleteVariable, row: Variable) -> Plan:
        action = Action.VARIABLE_MOVED if command.erase_history else Action.VARIABLE_REMOVED
        self._require(command, row.branch, action, row.key)
        if row.removed_at is not None:
            return Plan(command, row)  # already removed, which is what was asked for
        self._check_base(command, row)
        going = [row, *self._overrides_to_remove(command, row)]
        if not (settings.BIN_DAYS or command.without_copy or command.erase_history):
            self._refuse(command, messages.NO_BIN, "copy")
        writes = [
            Write(
                one,
                action,
                one.key,
                one.key,
                None,
                one.version + 1,
                command.note,
                command.erase_history,
            )
            for one in going
        ]
        return Plan(command, row, writes)

    def _overrides_to_remove(self, command: DeleteVariable, row: Variable) -> list[Variable]:
        """Return the overrides to remove with their base. Raises Refused if nobody chose that."""
        others = self._overrides(row)
        if others and command.overrides is Overrides.ASK:
            names = [scope_name(one.branch) for one in others]
            self._refuse(command, messages.ask_about_overrides(names), "overrides")
        if command.overrides is not Overrides.REMOVE:
            return []
        for one in others:
            self._require(command, one.branch, Action.VARIABLE_REMOVED, one.key)
            if (
                command.seen_overrides is not None
                and command.seen_overrides.get(one.pk) != one.version
            ):
                raise Refused(messages.override_conflict(command, row, one))
        return others

    def _overrides(self, variable: Variable) -> list[Variable]:
        """Return the overrides of a base, sorted by branch name."""
        if variable.branch_id is not None:
            return []
        found = [
            row
            for (branch_id, key), row in self.live.items()
            if key == variable.key and branch_id is not None
        ]
        return sorted(found, key=lambda row: natural_key(scope_name(row.branch)))

    def _branch(self, command: VariableCommand) -> Branch | None:
        if command.branch_id is None:
            return None
        if command.branch_id == NO_VERSION:  # a new override starts without one
            self._refuse(command, messages.CHOOSE_BRANCH, "branch")
        branch = self.branches.get(command.branch_id)
        if branch is None:
            self._refuse_unknown_branch(command)
        if branch.deleted_at is not None:
            self._refuse(command, messages.NO_BRANCH, "branch")
        return branch

    def _refuse_unknown_branch(self, command: VariableCommand) -> NoReturn:
        """Refuse a row whose branch the app doesn't have. If it is another app's, record that."""
        outcome = RowOutcome(
            command.token, Result.REFUSED, messages.NO_BRANCH, "branch", command.expected_version
        )
        refusal = refused_new_row(Action.VARIABLE_CREATED, command.branch_id, command.key or "")
        raise Denied(outcome, refusal) if refusal else Refused(outcome)

    def _require(
        self, command: VariableCommand, branch: Branch | None, action: Action, key: str
    ) -> None:
        try:
            self.access.require_on(Permission.WRITE, branch)
        except PermissionDenied as denial:
            raise Denied(
                RowOutcome(
                    command.token, Result.DENIED, str(denial), version=command.expected_version
                ),
                Refusal(action, Target(self.access.app.app_id, scope_name(branch), key)),
            ) from None

    def _check_base(self, command: VariableCommand, variable: Variable) -> None:
        there = variable.removed_at is None and command.revision in {None, variable.pk}
        if there and variable.version == command.expected_version:
            return
        raise Refused(messages.conflict(command, variable))

    def _check(self, command: VariableCommand, key: str, value: str) -> None:
        try:
            validation.check_key(key)
            validation.check_value(value)
            check_amplify_value(key, value)
            if not getattr(command, "line_breaks", True) and has_line_break_at_end(value):
                raise validation.Invalid(LINE_BREAK, "line_breaks")
        except validation.Invalid as refusal:
            self._refuse(command, str(refusal), refusal.field)

    def _check_type(self, command: VariableCommand, key: str, value: str, where: str = "") -> None:
        """Refuse a new value, or one under a new name, that the type of its key doesn't allow."""
        if getattr(command, "any_type", False):
            return
        if problem := self.types.problem(key, value):
            self._refuse(command, f"{problem}{where}", "value")

    def _check_free(self, command: VariableCommand, key: str, rows: Sequence[Variable]) -> None:
        taken = [row for row in rows if (row.branch_id, key) in self.live]
        if taken:
            where = ", ".join(scope_name(row.branch) for row in taken)
            message = f"{key} already exists ({where}). Choose another name."
            raise Taken(
                RowOutcome(command.token, Result.REFUSED, message, "key", command.expected_version)
            )

    def _refuse(self, command: VariableCommand, message: str, field: str) -> NoReturn:
        raise Refused(
            RowOutcome(command.token, Result.REFUSED, message, field, command.expected_version)
        )


def _values_of(access: Access, variables: Collection[int]) -> set[tuple[int, str | None]]:
    """Return the values that versions of these variables still have, with the variable's id."""
    rows = VariableVersion.objects.filter(variable__app=access.app, variable__in=variables)
    kept = rows.filter(value__isnull=False, forgotten=False)
    return set(kept.values_list("variable_id", "value"))


def _storable(keys: Iterable[str]) -> list[str]:
    """Return the keys that a database can hold. PostgreSQL rejects NUL even in a query."""
    return [
        key for key in keys if not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in key)
    ]
