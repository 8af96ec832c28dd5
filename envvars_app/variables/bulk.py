"""Bulk edit: preview what a set of values would change in some scopes, then apply it.

The preview runs the planning of the save that follows, so both refuse the same changes. Applying is
based on the versions that the preview showed: anything that changed since is a conflict.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import Q

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.lib.results import DONE, RowOutcome
from console.lib.text.dotenv import Refused as TextRefused
from console.models import App, Branch, scope_name
from envvars_app.formats import FORMATS
from envvars_app.models import Variable
from envvars_app.variables import save as saving
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable, VariableCommand
from envvars_app.variables.plan import Refused
from envvars_app.variables.planner import Planner

MAX_LINES = 2_000  # keys times scopes, and what REPLACE removes


class Mode(StrEnum):
    """What happens to a variable that is not among the values: MERGE keeps, REPLACE removes it."""

    MERGE = "merge"
    REPLACE = "replace"


class Kind(StrEnum):
    """What a line would do to its variable."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"
    SAME = "same"


class KnownVariable(NamedTuple):
    """A variable at the version that a preview is based on."""

    pk: int
    version: int
    value: str = ""


# By branch id (None is All branches) and key.
Baseline = dict[tuple[int | None, str], KnownVariable]


@dataclass(frozen=True)
class BulkEdit:
    """Values to write to some scopes; None among the scopes is All branches.

    `format` is the format of the text with the values. REPLACE keeps variables that it can't hold,
    because the text could never have contained them.
    """

    values: Mapping[str, str]
    scopes: Sequence[Branch | None]
    mode: Mode = Mode.MERGE
    format: str = "json"


@dataclass
class PreviewLine:
    """A key in a scope, and what would happen to it.

    `refusal` says why a save would not write it, `outcome` how the save just before failed.
    `overrides` are the branches that keep their value if this base is removed.
    """

    kind: Kind
    branch: Branch | None
    key: str
    old: str | None
    new: str | None
    command: VariableCommand
    refusal: RowOutcome | None = None
    outcome: RowOutcome | None = None
    overrides: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """The changes, and the versions that they are based on.

    `unrepresentable` are variables that stay because the text's format can't hold them.
    """

    lines: list[PreviewLine]
    baseline: Baseline
    unrepresentable: list[tuple[Branch | None, str]]


def preview(access: Access, edit: BulkEdit, outcomes: Iterable[RowOutcome] = ()) -> Preview:
    """Return what `edit` would change. `outcomes` are those of a save that partly failed.

    Takes five queries. Raises dotenv.Refused for more than MAX_LINES.
    """
    _check_size(len(edit.values) * len(edit.scopes))
    current = _current_variables(access.app, edit)
    unrepresentable = _find_unrepresentable(edit, current)
    lines = list(_lines(edit, current, current, unrepresentable))
    _check_size(len(lines))
    _mark_refusals(access, lines)
    failed = {outcome.token: outcome for outcome in outcomes if outcome.outcome not in DONE}
    for line in lines:
        line.outcome = failed.get(line.command.token)
    return Preview(lines, current, sorted(unrepresentable, key=lambda item: item[1]))


def apply(
    *, actor: Actor, app_id: str, edit: BulkEdit, baseline: Baseline, change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write what `edit` still changes, based on `baseline`, and return the outcomes.

    Overrides of a removed base stay. Raises Http404 for an outsider, and dotenv.Refused for more
    than MAX_LINES.
    """
    access = find_app(actor, app_id)
    _check_size(len(edit.values) * len(edit.scopes))
    current = _current_variables(access.app, edit)
    lines = list(_lines(edit, current, baseline, _find_unrepresentable(edit, current)))
    _check_size(len(lines))
    return saving.save(
        actor=actor,
        app_id=app_id,
        commands=[line.command for line in lines if line.kind is not Kind.SAME],
        change_set=change_set,
    )


def _check_size(total: int) -> None:
    if total > MAX_LINES:
        raise TextRefused(
            f"This would affect {total:,} variables; the limit is {MAX_LINES:,}. Choose fewer "
            "branches."
        )


def _current_variables(app: App, edit: BulkEdit) -> Baseline:
    """Return the variables in the scopes: those with the edit's keys or, for REPLACE, all."""
    ids = [branch.pk for branch in edit.scopes if branch]
    scopes = Q(branch__in=ids) | Q(branch=None) if None in edit.scopes else Q(branch__in=ids)
    rows = Variable.objects.filter(scopes, app=app, removed_at=None).order_by("key")
    return {
        (row.branch_id, row.key): KnownVariable(row.pk, row.version, row.value)
        for row in rows.only("branch_id", "key", "version", "value")
        if edit.mode is Mode.REPLACE or row.key in edit.values
    }


def _find_unrepresentable(edit: BulkEdit, current: Baseline) -> set[tuple[Branch | None, str]]:
    """Return what is missing in the text only because its format can't hold it."""
    if edit.mode is Mode.MERGE:
        return set()
    render = FORMATS[edit.format].render
    return {
        (branch, key)
        for branch in edit.scopes
        for key in render(_own_values(branch, current)).left_out
        if key not in edit.values
    }


def _own_values(branch: Branch | None, current: Baseline) -> dict[str, str]:
    scope = _branch_id(branch)
    return {key: known.value for (owner, key), known in current.items() if owner == scope}


def _lines(
    edit: BulkEdit,
    current: Baseline,
    baseline: Baseline,
    unrepresentable: set[tuple[Branch | None, str]],
) -> Iterator[PreviewLine]:
    """Yield what changes compared to `current`, based on the versions in `baseline`."""
    for branch in edit.scopes:
        for key, value in edit.values.items():
            yield _line(branch, key, value, current, baseline)
        if edit.mode is Mode.REPLACE:
            for key in _own_values(branch, current):
                if key not in edit.values and (branch, key) not in unrepresentable:
                    yield _line(branch, key, None, current, baseline)


def _line(
    branch: Branch | None, key: str, value: str | None, current: Baseline, baseline: Baseline
) -> PreviewLine:
    now, based_on = current.get((_branch_id(branch), key)), baseline.get((_branch_id(branch), key))
    command = _command(branch, key, value, based_on)
    return PreviewLine(_kind(now, value), branch, key, now.value if now else None, value, command)


def _command(
    branch: Branch | None, key: str, value: str | None, based_on: KnownVariable | None
) -> VariableCommand:
    token = f"{_branch_id(branch) or ''} {key}"
    if based_on:  # by id: not another variable that took its name since
        target: dict[str, Any] = {
            "variable_id": based_on.pk,
            "expected_version": based_on.version,
        }
    else:
        target = {"key": key, "branch_id": _branch_id(branch)}
    if value is None:
        # The preview has asked.
        return DeleteVariable(token, **target, overrides=Overrides.KEEP, without_copy=True)
    return SetVariable(token, **target, value=value)


def _kind(now: KnownVariable | None, value: str | None) -> Kind:
    if value is None:
        return Kind.REMOVED
    if now is None:
        return Kind.NEW
    return Kind.SAME if now.value == value else Kind.CHANGED


def _mark_refusals(access: Access, lines: Sequence[PreviewLine]) -> None:
    """Set each line's `refusal`, if a save would refuse it. Removals first, as in a save."""
    lines = [line for line in lines if line.kind is not Kind.SAME]
    planner = Planner(access, [line.command for line in lines])
    for line in sorted(lines, key=lambda line: line.new is not None):
        try:
            planner.apply(planner.plan(line.command))
        except Refused as refusal:
            line.refusal = refusal.outcome
    _mark_remaining_overrides(planner, [line for line in lines if line.kind is Kind.REMOVED])


def _mark_remaining_overrides(planner: Planner, removals: Iterable[PreviewLine]) -> None:
    """Set `overrides` of each removed base to the branches that keep their own value."""
    remaining: dict[str, list[str]] = {}
    for (branch_id, key), row in planner.live.items():
        if branch_id is not None:
            remaining.setdefault(key, []).append(scope_name(row.branch))
    for line in removals:
        if line.branch is None:
            line.overrides = sorted(remaining.get(line.key, []))


def _branch_id(branch: Branch | None) -> int | None:
    return branch.pk if branch else None
