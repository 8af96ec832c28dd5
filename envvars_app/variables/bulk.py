"""What a set of values would change in some scopes, before anything is written; then writing it.

The preview is the plan of the very Save that follows, so it refuses what that Save would refuse.
The Save goes by what the person saw: whatever moved meanwhile is a conflict, and stays.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import Q

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.lib.dotenv import Refused as TextRefused
from console.lib.results import DONE, RowOutcome
from console.models import App, Branch, scope_name
from envvars_app.formats import FORMATS
from envvars_app.models import Variable
from envvars_app.variables import save as saving
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable, VariableCommand
from envvars_app.variables.plan import Refused, State

LINE_LIMIT = 10_000  # keys times scopes


class Mode(StrEnum):
    """What becomes of a variable that the values lack: it stays, or it is removed."""

    MERGE = "merge"
    REPLACE = "replace"


class Kind(StrEnum):
    """What would happen to a variable."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"
    SAME = "same"


class Known(NamedTuple):
    """A variable as somebody saw it."""

    pk: int
    version: int
    value: str = ""


Seen = dict[tuple[int | None, str], Known]  # by branch id (None is All branches) and key


@dataclass(frozen=True)
class Asked:
    """Values for some scopes; None among them is All branches.

    `format` is that of the text they come from: what it can't hold is not missing in it.
    """

    values: Mapping[str, str]
    scopes: Sequence[Branch | None]
    mode: Mode = Mode.MERGE
    format: str = "json"


@dataclass
class Line:
    """A key in a scope. `refusal` is why a Save would not write it, `ended` how one just ended.

    `overrides` are the branches whose values stay where their base is removed.
    """

    kind: Kind
    branch: Branch | None
    key: str
    old: str | None
    new: str | None
    command: VariableCommand
    refusal: RowOutcome | None = None
    ended: RowOutcome | None = None
    overrides: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """What would happen, and the versions that this is based on.

    `unheld` are variables that stay, because the text's format can't hold them.
    """

    lines: list[Line]
    seen: Seen
    unheld: list[tuple[Branch | None, str]]


def preview(access: Access, asked: Asked, outcomes: Iterable[RowOutcome] = ()) -> Preview:
    """Return what `asked` would change, with the `outcomes` of a Save that went not all through.

    Five queries, whatever the number of variables. Raises dotenv.Refused for too many lines.
    """
    _check_size(asked)
    there = _there(access.app, asked)
    unheld = _unheld(asked, there)
    lines = list(_lines(asked, there, there, unheld))
    _plan(access, lines)
    left = {outcome.token: outcome for outcome in outcomes if outcome.outcome not in DONE}
    for line in lines:
        line.ended = left.get(line.command.token)
    return Preview(lines, there, sorted(unheld, key=lambda one: one[1]))


def apply(
    *, actor: Actor, app_id: str, asked: Asked, seen: Seen, change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write what `asked` still changes, on the versions that were `seen`; return each outcome.

    The overrides of a removed base stay. Raises Http404 for an outsider, and dotenv.Refused for
    too many lines.
    """
    access = find_app(actor, app_id)
    _check_size(asked)
    there = _there(access.app, asked)
    lines = _lines(asked, there, seen, _unheld(asked, there))
    return saving.save(
        actor=actor,
        app_id=app_id,
        commands=[line.command for line in lines if line.kind is not Kind.SAME],
        change_set=change_set,
    )


def _check_size(asked: Asked) -> None:
    number = len(asked.values) * len(asked.scopes)
    if number > LINE_LIMIT:
        raise TextRefused(
            f"This would affect {number:,} variables; the limit is {LINE_LIMIT:,}. Choose fewer "
            "branches."
        )


def _there(app: App, asked: Asked) -> Seen:
    """Return the live variables that this is about: its keys, or all where others go."""
    ids = [branch.pk for branch in asked.scopes if branch]
    scopes = Q(branch__in=ids) | Q(branch=None) if None in asked.scopes else Q(branch__in=ids)
    rows = Variable.objects.filter(scopes, app=app, removed_at=None).order_by("key")
    return {
        (row.branch_id, row.key): Known(row.pk, row.version, row.value)
        for row in rows.only("branch_id", "key", "version", "value")
        if asked.mode is Mode.REPLACE or row.key in asked.values
    }


def _unheld(asked: Asked, there: Seen) -> set[tuple[Branch | None, str]]:
    """Return what a whole text lacks only because its format can't hold it."""
    if asked.mode is Mode.MERGE:
        return set()
    render = FORMATS[asked.format].render
    return {
        (branch, key)
        for branch in asked.scopes
        for key in render(_own(branch, there)).left_out
        if key not in asked.values
    }


def _own(branch: Branch | None, there: Seen) -> dict[str, str]:
    scope = _id(branch)
    return {key: known.value for (owner, key), known in there.items() if owner == scope}


def _lines(
    asked: Asked, there: Seen, seen: Seen, unheld: set[tuple[Branch | None, str]]
) -> Iterator[Line]:
    """Yield what changes from what is there, on the versions that were seen."""
    for branch in asked.scopes:
        for key, value in asked.values.items():
            yield _line(branch, key, value, there, seen)
        if asked.mode is Mode.REPLACE:
            for key in _own(branch, there):
                if key not in asked.values and (branch, key) not in unheld:
                    yield _line(branch, key, None, there, seen)


def _line(branch: Branch | None, key: str, value: str | None, there: Seen, seen: Seen) -> Line:
    now, based_on = there.get((_id(branch), key)), seen.get((_id(branch), key))
    command = _command(branch, key, value, based_on)
    return Line(_kind(now, value), branch, key, now.value if now else None, value, command)


def _command(
    branch: Branch | None, key: str, value: str | None, based_on: Known | None
) -> VariableCommand:
    token = f"{_id(branch) or ''} {key}"
    if based_on:  # by id: not another variable that took its name since
        target: dict[str, Any] = {
            "variable_id": based_on.pk,
            "expected_version": based_on.version,
        }
    else:
        target = {"key": key, "branch_id": _id(branch)}
    if value is None:
        return DeleteVariable(token, **target, overrides=Overrides.KEEP)
    return SetVariable(token, **target, value=value)


def _kind(now: Known | None, value: str | None) -> Kind:
    if value is None:
        return Kind.REMOVED
    if now is None:
        return Kind.NEW
    return Kind.SAME if now.value == value else Kind.CHANGED


def _plan(access: Access, lines: Sequence[Line]) -> None:
    """Say of each line why a Save would refuse it. Removals come first, as in a Save."""
    lines = [line for line in lines if line.kind is not Kind.SAME]
    state = State(access, [line.command for line in lines])
    for line in sorted(lines, key=lambda line: line.new is not None):
        try:
            state.apply(state.plan(line.command))
        except Refused as refusal:
            line.refusal = refusal.outcome
    _tell_overrides(state, [line for line in lines if line.kind is Kind.REMOVED])


def _tell_overrides(state: State, removals: Iterable[Line]) -> None:
    """Say of each base that goes which branches keep a value of their own."""
    staying: dict[str, list[str]] = {}
    for (branch_id, key), row in state.live.items():
        if branch_id is not None:
            staying.setdefault(key, []).append(scope_name(row.branch))
    for line in removals:
        if line.branch is None:
            line.overrides = sorted(staying.get(line.key, []))


def _id(branch: Branch | None) -> int | None:
    return branch.pk if branch else None
