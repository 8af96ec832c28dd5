"""The plan of one row of a save: what it writes, or why it is refused."""

from dataclasses import dataclass, field

from console.access.policy import Access
from console.audit.events import Action, Target
from console.audit.refusals import Refusal
from console.environment.typed_values import describe
from console.lib.results import Result, RowOutcome
from console.models import scope_name
from envvars_app.formats.validation import REMARKS
from envvars_app.models import Variable
from envvars_app.variables.commands import DeleteVariable, SetVariable, VariableCommand


class Refused(Exception):
    """A rejected row; `outcome` is its result."""

    def __init__(self, outcome: RowOutcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.outcome)


class Denied(Refused):
    """The actor lacks the permission; `refusal` is recorded in the audit trail."""

    def __init__(self, outcome: RowOutcome, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(outcome)


class Taken(Refused):
    """The new name is in use; another row of the same save may free it."""


@dataclass(frozen=True)
class Write:
    """One row to write: what a variable becomes. `value` None removes it."""

    variable: Variable
    action: Action
    old_key: str
    key: str
    value: str | None
    version: int
    note: str = ""
    erase_history: bool = False

    @property
    def identity(self) -> tuple[int | None, int | None, str]:
        """Return what two plans about the same variable have in common."""
        return self.variable.pk, self.variable.branch_id, self.old_key

    @property
    def audit_detail(self) -> str:
        """Return the audit outcome's detail: the new name, or where the value came from."""
        renamed = f"now {self.key}" if self.key != self.old_key else ""
        return renamed or self.note

    @property
    def version_before(self) -> int | None:
        """Return the version before the write, or None for a new variable."""
        return self.version - 1 or None

    @property
    def version_after(self) -> int | None:
        """Return the version after the write, or None for a removal."""
        return None if self.value is None else self.version


@dataclass
class Plan:
    """A row's writes: its own variable first, then the overrides that go with it."""

    command: VariableCommand
    variable: Variable
    writes: list[Write] = field(default_factory=list)

    def outcome(self, access: Access) -> RowOutcome:
        """Return the row's outcome once the plan is written."""
        is_removal = isinstance(self.command, DeleteVariable)
        result = Result.REMOVED if is_removal else Result.SAVED
        command, row, remark = self.command, self.variable, ""
        if isinstance(command, SetVariable):
            remark = describe(access, REMARKS, row.branch, row.key, command.value)
        return RowOutcome(command.token, result, remark, version=row.version, pk=row.pk)


def audit_target(access: Access, write: Write) -> Target:
    """Return how the audit trail names the variable of a write."""
    return Target(access.app.app_id, scope_name(write.variable.branch), write.old_key)
