"""Undo what a change set did to variables. Their versions have every value, and its change set."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from console.access.actions import Action
from console.access.policy import Access
from console.environment.undo import Effect, UndoRow, UndoState, refused
from console.lib.results import Result, RowOutcome
from console.models import scope_name
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import save as saving
from envvars_app.variables.commands import (
    DeleteVariable,
    Overrides,
    SetVariable,
    VariableCommand,
)

State = dict[str, Any]  # what a row's state sets
NOT_WRITTEN = "It was added and removed"
STAYS = "Stays as it is"
NO_BIN = "There is no recycle bin, so removing it could not be undone. Remove it on its page"
BRANCH_DELETED = "Its branch was deleted. The recycle bin can restore it to another branch"
ERASED = "Its values were erased, because they were a secret"
_STATES = {Result.DENIED: UndoState.DENIED, Result.CONFLICT: UndoState.CHANGED_SINCE}


@dataclass(frozen=True)
class _Written:
    """What the change set did to one variable.

    `before` is None if it added the variable. `now` is the newest version of the variable, and
    `successor` the variable of the same name that was added after this one was removed.
    """

    before: VariableVersion | None
    first: VariableVersion
    last: VariableVersion
    now: VariableVersion
    successor: Variable | None
    successor_set: UUID | None

    @property
    def variable(self) -> Variable:
        """Return the variable as it is now."""
        return self.first.variable

    @property
    def names(self) -> tuple[str, str]:
        """Return the names before and after the change set."""
        return (self.before or self.first).key, self.last.key

    @property
    def token(self) -> str:
        """Return what names the change in a form."""
        return f"variable-{self.variable.pk}"


@dataclass(frozen=True)
class _Step:
    row: UndoRow
    command: VariableCommand | None


def undo_plan(access: Access, change_set: UUID, undone_by: Collection[UUID]) -> Sequence[UndoRow]:
    """Return what undoing would do. The save that follows refuses the same changes."""
    return [step.row for step in _plan(access, change_set, undone_by)]


def undo(
    access: Access,
    change_set: UUID,
    undone_by: Collection[UUID],
    tokens: Collection[str],
    new: UUID,
) -> list[RowOutcome]:
    """Undo the changes that the tokens name; return one outcome for each."""
    steps = [it for it in _plan(access, change_set, undone_by) if it.row.token in tokens]
    outcomes = {it.row.token: refused(it.row) for it in steps}
    # The save itself refuses what the actor may not do, and records that.
    allowed = {UndoState.READY, UndoState.DENIED}
    saved = saving.save(
        actor=access.actor,
        app_id=access.app.app_id,
        commands=[it.command for it in steps if it.command and it.row.state in allowed],
        change_set=new,
    )
    outcomes |= {outcome.token: outcome for outcome in saved}
    return [outcomes[step.row.token] for step in steps]


def _plan(access: Access, change_set: UUID, undone_by: Collection[UUID]) -> list[_Step]:
    found = _written(access, change_set)
    bases = {it.names for it in found if it.variable.branch_id is None}
    steps = [_step(it, undone_by, bases) for it in found]
    commands = [step.command for step in steps if step.command]
    refusals = saving.refusals(access, commands) if commands else {}
    return [_with_refusal(step, refusals.get(step.row.token)) for step in steps]


def _with_refusal(step: _Step, refusal: RowOutcome | None) -> _Step:
    if refusal is None:
        return step
    state = _STATES.get(refusal.outcome, UndoState.IMPOSSIBLE)
    message = NO_BIN if refusal.field == "copy" else refusal.message
    row = replace(step.row, state=state, effect=None, after=STAYS, message=message)
    return _Step(row, step.command)


def _written(access: Access, change_set: UUID) -> list[_Written]:
    """Return what the change set wrote. Takes four queries, whatever the number of variables."""
    versions = VariableVersion.objects.filter(variable__app=access.app)
    found: dict[int, list[VariableVersion]] = {}
    rows = versions.filter(change_set=change_set).select_related("variable__branch")
    for row in rows.order_by("version"):
        found.setdefault(row.variable_id, []).append(row)
    firsts = {rows[0].version - 1 for rows in found.values()}
    others = versions.filter(
        Q(version__in=firsts) | Q(version=F("variable__version")), variable__in=found
    )
    by_version: dict[int, dict[int, VariableVersion]] = {
        pk: {row.version: row for row in rows} for pk, rows in found.items()
    }
    for row in others:
        by_version[row.variable_id][row.version] = row
    newest = _newest(access, found)
    sets = dict(
        versions.filter(version=1, variable__in=[it.pk for it in newest.values()]).values_list(
            "variable_id", "change_set"
        )
    )
    return [
        _Written(
            by_version[pk].get(rows[0].version - 1),
            rows[0],
            rows[-1],
            by_version[pk][max(by_version[pk])],  # it may be newer than the variable as read above
            newest.get(pk),
            sets.get(newest[pk].pk) if pk in newest else None,
        )
        for pk, rows in found.items()
    ]


def _newest(access: Access, found: dict[int, list[VariableVersion]]) -> dict[int, Variable]:
    """Map each removed variable to the newest one that was added under its name since."""
    removed = [rows[0].variable for rows in found.values() if rows[0].variable.removed_at]
    later = Variable.objects.filter(app=access.app, key__in={row.key for row in removed})
    by_name: dict[tuple[int | None, str], Variable] = {
        (row.branch_id, row.key): row for row in later.order_by("pk")
    }
    found_now = {row.pk: by_name.get((row.branch_id, row.key)) for row in removed}
    return {pk: newest for pk, newest in found_now.items() if newest and newest.pk > pk}


def _step(
    written: _Written, undone_by: Collection[UUID], bases: Collection[tuple[str, str]]
) -> _Step:
    state = _moved_on(written, undone_by) or _unfit(written)
    follows = written.variable.branch_id is not None and written.names in bases
    command = None if state else _command(written, follows_base=follows)
    row = UndoRow(
        token=written.token,
        scope=scope_name(written.variable.branch),
        key=written.names[0],
        pk=written.variable.pk,
        **(state or _effect(written)),
    )
    return _Step(row, command)


def _moved_on(written: _Written, undone_by: Collection[UUID]) -> State | None:
    """Return how the variable is no longer as the change set left it, None if it still is."""
    now, successor = written.now, written.successor
    if now.version != written.last.version:
        by, at, change_set = now.by, now.at, now.change_set
        verb = "removed" if now.value is None else "changed"
    elif written.last.value is None and successor:
        by, at, change_set = successor.changed_by, successor.changed_at, written.successor_set
        verb = "removed" if successor.removed_at else "added"
    else:
        return None
    if change_set in undone_by:
        message = f"{by} undid it"
        return {"state": UndoState.UNDONE, "after": "Undone", "message": message, "at": at}
    after = "Stays removed" if verb == "removed" else STAYS
    message = f"{by} {verb} it"
    return {"state": UndoState.CHANGED_SINCE, "after": after, "message": message, "at": at}


def _unfit(written: _Written) -> State | None:
    """Return why the variable can't go back, None if it can."""
    before, last = written.before, written.last
    if before is None and last.value is None:
        message, after = NOT_WRITTEN, "Nothing to undo"
        return {"state": UndoState.NOTHING, "after": after, "message": message}
    branch = written.variable.branch
    if before is not None and (before.forgotten or before.value is None):
        return {"state": UndoState.IMPOSSIBLE, "after": STAYS, "message": ERASED}
    if last.value is None and branch and branch.deleted_at:
        return {"state": UndoState.IMPOSSIBLE, "after": STAYS, "message": BRANCH_DELETED}
    return None


def _effect(written: _Written) -> State:
    before = written.before
    if before is None:
        effect, after, act = Effect.REMOVED, "Removed", Action.VARIABLE_REMOVED
    elif written.last.value is None:
        effect, after, act = Effect.ADDED, "Added again", Action.VARIABLE_CREATED
    else:
        renamed = f", named {before.key}" if before.key != written.last.key else ""
        effect, after = Effect.BACK, f"Back to version {before.version}{renamed}"
        act = Action.VARIABLE_RENAMED if renamed else Action.VARIABLE_CHANGED
    return {"state": UndoState.READY, "after": after, "effect": effect, "repeats": [act]}


def _command(written: _Written, *, follows_base: bool) -> VariableCommand:
    """Return the command that undoes the change. An override gets its name back with its base."""
    variable, before = written.variable, written.before
    if before is None or before.value is None:
        return DeleteVariable(
            written.token,
            variable.pk,
            expected_version=variable.version,
            overrides=Overrides.KEEP,
            note="undone",
        )
    note = f"undone: version {before.version} again"
    if variable.removed_at is not None:
        return SetVariable(
            written.token,
            key=before.key,
            branch_id=variable.branch_id,
            value=before.value,
            note=note,
            restores=variable.pk,
            any_type=True,
        )
    return SetVariable(
        written.token,
        variable.pk,
        key=None if follows_base or before.key == variable.key else before.key,
        value=before.value,
        expected_version=variable.version,
        note=note,
        any_type=True,
    )
