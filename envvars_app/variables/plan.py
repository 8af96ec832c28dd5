"""What a row of a Save comes to, given what is there: which variables it writes, or why not.

Nothing here writes. A State is a picture of the variables that a Save touches; applying a plan
changes the picture, so that later rows of the same Save meet what earlier ones do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils import timezone

from console.access.policy import Access, Permission
from console.audit.events import Action, Target
from console.lib.results import Result, RowOutcome
from console.models import Branch, scope_name
from envvars_app.formats import validation
from envvars_app.formats.hints import check_meaning
from envvars_app.models import Variable
from envvars_app.variables import messages
from envvars_app.variables.commands import Change, Overrides


class Refused(Exception):
    """A row that goes no further; carries what to tell."""

    def __init__(self, outcome: RowOutcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.outcome)


class Denied(Refused):
    """The actor lacks the right; carries what is recorded of it."""

    def __init__(self, outcome: RowOutcome, action: Action, target: Target) -> None:
        self.action, self.target = action, target
        super().__init__(outcome)


class Taken(Refused):
    """The new name is there already; another row of the same Save may set it free."""


@dataclass(frozen=True)
class Act:
    """One write: what a variable becomes. `value` None removes it; `was` is its key before."""

    variable: Variable
    action: Action
    was: str
    key: str
    value: str | None
    version: int
    note: str = ""
    forget: bool = False

    @property
    def name(self) -> tuple[int | None, int | None, str]:
        """What tells whether two plans are about the same variables."""
        return self.variable.pk, self.variable.branch_id, self.was

    @property
    def said(self) -> str:
        """What the audit trail adds: its new name, or where the value came from."""
        renamed = f"now {self.key}" if self.key != self.was else ""
        return renamed or self.note

    @property
    def version_before(self) -> int | None:
        """The version that it is written over; a new one has none."""
        return self.version - 1 or None

    @property
    def version_after(self) -> int | None:
        """The version that the audit trail names; a removal has none."""
        return None if self.value is None else self.version


@dataclass
class Plan:
    """A row's acts: its own variable first, then the overrides that go with it."""

    change: Change
    variable: Variable
    acts: list[Act] = field(default_factory=list)

    def outcome(self) -> RowOutcome:
        """Return what to tell when it is done."""
        result = Result.REMOVED if self.change.value is None else Result.SAVED
        return RowOutcome(
            self.change.token, result, version=self.variable.version, pk=self.variable.pk
        )


def target_of(access: Access, act: Act) -> Target:
    """Return how the audit trail names what an act is about."""
    return Target(access.app.app_id, scope_name(act.variable.branch), act.was)


class State:
    """The variables that a Save touches, as they are, and then as they will be."""

    def __init__(self, access: Access, changes: Iterable[Change]) -> None:
        changes = list(changes)
        self.access = access
        self.branches: dict[int | None, Branch] = {b.pk: b for b in access.branches}
        ids = {c.variable_id for c in changes if c.variable_id is not None}
        mine = Variable.objects.filter(app=access.app)
        self.known = {row.pk: row for row in mine.filter(pk__in=ids)}
        keys = {c.key for c in changes if c.key} | {row.key for row in self.known.values()}
        self.live: dict[tuple[int | None, str], Variable] = {}
        for row in mine.filter(~Q(pk__in=ids), removed_at=None, key__in=_storable(keys)):
            self.known[row.pk] = row
        for row in self.known.values():
            row.branch = self.branches.get(row.branch_id)
            if row.removed_at is None:
                self.live[row.branch_id, row.key] = row

    def plan(self, change: Change) -> Plan:
        """Return what a change comes to. Raises Refused, and Denied where a right is missing."""
        if change.variable_id is None:
            return self._creation(change, change.key or "")
        variable = self.known.get(change.variable_id)
        if variable is None:
            raise Refused(RowOutcome(change.token, Result.CONFLICT, messages.GONE))
        if change.value is None:
            return self._removal(change, variable)
        return self._change(change, variable, change.value)

    def apply(self, plan: Plan) -> None:
        """Make the picture what the plan makes of it."""
        for act in plan.acts:
            row = act.variable
            self.live.pop((row.branch_id, act.was), None)
            row.key, row.version = act.key, act.version
            if act.value is None:
                row.removed_at = timezone.now()
                row.value = "" if act.forget else row.value
            else:
                row.value = act.value
                self.live[row.branch_id, row.key] = row

    def _creation(self, change: Change, key: str) -> Plan:
        branch = self._branch(change)
        self._require(change, branch, Action.VARIABLE_CREATED, key)
        there = self.live.get((change.branch_id, key))
        if there is not None:
            return self._onto(change, there)
        if change.base or change.value is None:
            raise Refused(RowOutcome(change.token, Result.CONFLICT, messages.GONE))
        self._check(change, key, change.value)
        row = Variable(app=self.access.app, branch=branch, key=key, value=change.value, version=1)
        act = Act(row, Action.VARIABLE_CREATED, key, key, change.value, 1, change.note)
        return Plan(change, row, [act])

    def _onto(self, change: Change, there: Variable) -> Plan:
        """A new row met a variable that is there: it is a change of the version it names."""
        if there.pk is None:
            self._refuse(change, "Another row in this save has the same name and branch.", "key")
        if change.value is None:
            return self._removal(change, there)
        return self._change(change, there, change.value)

    def _change(self, change: Change, row: Variable, value: str) -> Plan:
        key = row.key if change.key is None else change.key
        action = Action.VARIABLE_CHANGED if key == row.key else Action.VARIABLE_RENAMED
        self._require(change, row.branch, action, row.key)
        if row.removed_at is None and (key, value) == (row.key, row.value):
            return Plan(change, row)  # somebody wrote just that, or nothing changed
        self._check_base(change, row)
        self._check(change, key, value)
        others = self._others_to_rename(change, row, key)
        note = change.note or (f"renamed from {row.key}" if key != row.key else "")
        acts = [Act(row, action, row.key, key, value, row.version + 1, note)]
        acts += [Act(one, action, one.key, key, one.value, one.version + 1, note) for one in others]
        return Plan(change, row, acts)

    def _others_to_rename(self, change: Change, row: Variable, key: str) -> list[Variable]:
        """Return the overrides that a rename takes along. Raises Refused where it can't be."""
        if key == row.key:
            return []
        if row.branch_id is not None and (None, row.key) in self.live:
            self._refuse(
                change,
                "An override has the same name as its base. Rename the base instead.",
                "key",
            )
        others = self._overrides(row)
        for one in others:
            self._require(change, one.branch, Action.VARIABLE_RENAMED, one.key)
        self._check_free(change, key, [row, *others])
        return others

    def _removal(self, change: Change, row: Variable) -> Plan:
        action = Action.VARIABLE_MOVED if change.forget else Action.VARIABLE_REMOVED
        self._require(change, row.branch, action, row.key)
        if row.removed_at is not None:
            return Plan(change, row)  # it is gone, as it was to be
        self._check_base(change, row)
        going = [row, *self._others_to_remove(change, row)]
        acts = [
            Act(one, action, one.key, one.key, None, one.version + 1, change.note, change.forget)
            for one in going
        ]
        return Plan(change, row, acts)

    def _others_to_remove(self, change: Change, row: Variable) -> list[Variable]:
        """Return the overrides that go with their base. Raises Refused where nobody said so."""
        others = self._overrides(row)
        if others and change.overrides is Overrides.ASK:
            names = [scope_name(one.branch) for one in others]
            self._refuse(change, messages.overrides_remain(names), "overrides")
        if change.overrides is not Overrides.REMOVE:
            return []
        for one in others:
            self._require(change, one.branch, Action.VARIABLE_REMOVED, one.key)
            if change.seen is not None and change.seen.get(one.pk) != one.version:
                raise Refused(messages.override_moved(change, row, one))
        return others

    def _overrides(self, variable: Variable) -> list[Variable]:
        """Return what overrides a base, by branch."""
        if variable.branch_id is not None:
            return []
        found = [
            row
            for (branch_id, key), row in self.live.items()
            if key == variable.key and branch_id is not None
        ]
        return sorted(found, key=lambda row: scope_name(row.branch))

    def _branch(self, change: Change) -> Branch | None:
        if change.branch_id is None:
            return None
        branch = self.branches.get(change.branch_id)
        if branch is None or branch.deleted_at is not None:
            self._refuse(change, messages.NO_BRANCH, "branch")
        return branch

    def _require(self, change: Change, branch: Branch | None, action: Action, key: str) -> None:
        try:
            self.access.require_on(Permission.WRITE, branch)
        except PermissionDenied as denial:
            raise Denied(
                RowOutcome(change.token, Result.DENIED, str(denial), version=change.base),
                action,
                Target(self.access.app.app_id, scope_name(branch), key),
            ) from None

    def _check_base(self, change: Change, variable: Variable) -> None:
        there = variable.removed_at is None and change.life in {None, variable.pk}
        if there and variable.version == change.base:
            return
        raise Refused(messages.conflict(change, variable))

    def _check(self, change: Change, key: str, value: str) -> None:
        try:
            validation.check_key(key)
            validation.check_value(value)
            check_meaning(key, value)
        except validation.Refused as refusal:
            self._refuse(change, str(refusal), refusal.field)

    def _check_free(self, change: Change, key: str, rows: Sequence[Variable]) -> None:
        taken = [row for row in rows if (row.branch_id, key) in self.live]
        if taken:
            where = ", ".join(scope_name(row.branch) for row in taken)
            message = f"{key} already exists ({where}). Choose another name."
            raise Taken(RowOutcome(change.token, Result.REFUSED, message, "key", change.base))

    def _refuse(self, change: Change, message: str, field: str) -> NoReturn:
        raise Refused(RowOutcome(change.token, Result.REFUSED, message, field, change.base))


def _storable(keys: Iterable[str]) -> list[str]:
    """Return the keys that can be there at all; PostgreSQL takes no NUL, not even in a question."""
    return [
        key for key in keys if not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in key)
    ]
