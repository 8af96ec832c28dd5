"""Environment variables as a test arranges and inspects them, through the services alone."""

import uuid
from typing import Any

from console.lib.results import DONE, RowOutcome
from console.models import AuditEvent, Branch
from envvars_app.models import Variable
from envvars_app.variables.commands import DeleteVariable, SetVariable, VariableCommand
from envvars_app.variables.save import save
from tests.fixtures.people import World


def set_variable(
    world: World, key: str, value: str = "first", branch: Branch | None = None, by: str = "alice"
) -> Variable:
    """Add a variable, for All branches unless one is given, and return its row."""
    _save_one(world, new_variable(key, value, branch), by)
    return variable_row(world, key, branch)


def change_variable(
    world: World, row: Variable, value: str = "second", *, by: str = "alice", **more: Any
) -> None:
    """Save another value over the version that `row` holds; `key` renames it."""
    _save_one(world, changed_variable(row, value, **more), by)


def remove_variable(world: World, row: Variable, *, by: str = "alice", **more: Any) -> None:
    """Remove the version that `row` holds; `overrides` says what becomes of its overrides."""
    _save_one(world, removed_variable(row, **more), by)


def _save_one(world: World, command: VariableCommand, by: str) -> None:
    [outcome] = save_variables(world, command, by=by)
    assert outcome.outcome in DONE, outcome


def save_variables(world: World, *commands: VariableCommand, by: str = "alice") -> list[RowOutcome]:
    """Save commands as one change set, and return the outcome of each, whatever it is."""
    return save(
        actor=world.actor(by),
        app_id=world.app.app_id,
        commands=commands,
        change_set=uuid.uuid4(),
    )


def new_variable(key: str, value: str = "first", branch: Branch | None = None) -> VariableCommand:
    """Return the command that adds a variable."""
    scope = branch.pk if branch else None
    name = branch.name if branch else ""
    return SetVariable(f"new-{key}-{name}", key=key, branch_id=scope, value=value)


def changed_variable(row: Variable, value: str = "second", **more: Any) -> VariableCommand:
    """Return the command that changes the version that `row` holds."""
    return SetVariable(str(row.pk), row.pk, value=value, expected_version=row.version, **more)


def removed_variable(row: Variable, **more: Any) -> VariableCommand:
    """Return the command that removes the version that `row` holds."""
    return DeleteVariable(str(row.pk), row.pk, expected_version=row.version, **more)


def variable_row(world: World, key: str, branch: Branch | None = None) -> Variable:
    """Return the row of a variable that wasn't removed."""
    return world.app.variables.get(key=key, branch=branch, removed_at=None)


def variable_values(world: World) -> dict[tuple[str, str], str]:
    """Return every value by branch name ("" for All branches) and key."""
    rows = world.app.variables.filter(removed_at=None).select_related("branch")
    return {(row.branch.name if row.branch else "", row.key): row.value for row in rows}


def variable_audit_rows() -> list[tuple[Any, ...]]:
    """Return the audit events of variables, oldest first.

    Each is first name, verb, scope, key, version before, version after, and outcome.
    """
    rows = []
    for event in AuditEvent.objects.filter(action__startswith="variable").order_by("id"):
        outcome = event.outcomes.last()
        rows.append(
            (
                event.actor.partition("@")[0],
                event.action.partition(".")[2],
                event.branch,
                event.subject,
                event.version_before,
                outcome and outcome.version_after,
                outcome and outcome.outcome,
            )
        )
    return rows
