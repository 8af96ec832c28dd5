"""What people do with an app's variables, through the services alone."""

import uuid
from typing import Any

from console.lib.results import RowOutcome
from console.models import AuditEvent, Branch
from envvars_app.models import Variable
from envvars_app.variables.commands import DeleteVariable, SetVariable, VariableCommand
from envvars_app.variables.save import save
from tests.fixtures.people import World


class Desk:
    """The app of a world, and somebody at its variables."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app = world.app

    def save(self, who: str, *changes: VariableCommand) -> list[RowOutcome]:
        """Save as somebody; all in one change set."""
        return save(
            actor=self.world.actor(who),
            app_id=self.app.app_id,
            commands=changes,
            change_set=uuid.uuid4(),
        )

    def new(self, key: str, value: str = "first", branch: Branch | None = None) -> VariableCommand:
        """Return a new row."""
        scope = branch.pk if branch else None
        name = branch.name if branch else ""
        return SetVariable(f"new-{key}-{name}", key=key, branch_id=scope, value=value)

    def change(self, row: Variable, value: str = "second", **more: Any) -> VariableCommand:
        """Return a known row, changed from what it is now."""
        return SetVariable(str(row.pk), row.pk, value=value, expected_version=row.version, **more)

    def removal(self, row: Variable, **more: Any) -> VariableCommand:
        """Return a known row, removed."""
        return DeleteVariable(str(row.pk), row.pk, expected_version=row.version, **more)

    def put(self, key: str, value: str = "first", branch: Branch | None = None) -> Variable:
        """Save a variable as its owner, and return its row."""
        [outcome] = self.save("alice", self.new(key, value, branch))
        assert outcome.outcome == "saved", outcome
        return self.row(key, branch)

    def row(self, key: str, branch: Branch | None = None) -> Variable:
        """Return a live variable."""
        return self.app.variables.get(key=key, branch=branch, removed_at=None)

    def values(self) -> dict[tuple[str, str], str]:
        """Return what there is: (branch, key) to value."""
        rows = self.app.variables.filter(removed_at=None).select_related("branch")
        return {(row.branch.name if row.branch else "", row.key): row.value for row in rows}

    def trail(self) -> list[tuple[Any, ...]]:
        """Return the entries on variables: who, what, scope, key, versions, outcome."""
        entries = []
        for event in AuditEvent.objects.filter(action__startswith="variable").order_by("id"):
            outcome = event.outcomes.last()
            entries.append(
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
        return entries
