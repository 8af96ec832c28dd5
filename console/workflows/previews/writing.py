"""Copy to a preview what it would take from its source, and refresh copies that are out of date."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from console.access.policy import Access
from console.catalog.previews import previews_of
from console.environment.keys import OwnKey
from console.environment.sources import source_of
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import known_base
from console.models import Branch
from console.workflows import copying
from console.workflows.copying import Copy, Target, Value
from console.workflows.coverage import own_keys
from console.workflows.previews.copies import MarkedCopy, copies_of
from console.workflows.previews.offers import offers

PART = 50  # copies, whose secrets are read once


@dataclass(frozen=True)
class PreviewLine:
    """What a preview would take, or a copy that it has.

    `copy` is what copying it would do, None if there is nothing to do. `marked` is the copy that it
    has, None if it has none. If it `is_override`, it gets the value for All branches now.
    """

    noun: str
    key: str
    copy: Copy | None
    marked: MarkedCopy | None
    is_override: bool = False

    @property
    def token(self) -> str:
        """Return the line's name in a form."""
        return f"{self.noun} {self.key}"

    @property
    def state(self) -> str:
        """Return the state in words."""
        return self.marked.words if self.marked else "Not copied"

    @property
    def is_ready(self) -> bool:
        """Return True if it can be copied."""
        return self.copy is not None and not self.copy.refusal


def lines_of(access: Access, branch: Branch) -> tuple[Branch | None, Sequence[PreviewLine]]:
    """Return the source of a preview, and what there is to copy or was copied, secrets first.

    (None, []) for other branches. Reads no secret. Raises dotenv.Refused for too many values.
    """
    previews, keys = previews_of(access), own_keys(access)
    source = previews.sources.get(branch.pk)
    if source is None:
        return None, []
    marked = [*copies_of(access, keys, previews, branch).values()]
    offered = [*offers(keys, branch, source)]
    values = [_value(source, offer.noun, offer.value) for offer in offered]
    values += [
        _value(source, it.noun, it.original) for it in marked if it.is_outdated and it.original
    ]
    planned = {it.value.name: it for it in copying.plan(access, values, [branch])}
    lines = [
        PreviewLine(it.noun, it.value.key, planned.get((it.noun, it.value.key)), None, it.is_shared)
        for it in offered
    ]
    lines += [
        PreviewLine(it.noun, it.value.key, planned.get((it.noun, it.value.key)), it)
        for it in marked
    ]
    return source, sorted(lines, key=lambda it: (it.copy is None, it.noun, it.key))


def _value(source: Branch, noun: str, original: OwnKey) -> Value:
    return Value(source_of(noun), original.key, original.pk, source)


def write(
    access: Access,
    lines: Iterable[PreviewLine],
    change_set: UUID,
    *,
    may_go_on: Callable[[], bool],
) -> list[RowOutcome]:
    """Copy the lines that can be, part by part while `may_go_on`, as `copying.copy` does.

    Returns an outcome for each line that has something to copy. Raises as `copying.copy` does.
    """
    outcomes, targets = [], []
    for line in lines:
        if line.copy is None:
            continue
        planned = line.copy.line.planned
        if line.copy.refusal:
            outcomes.append(RowOutcome(line.token, Result.REFUSED, line.copy.refusal))
        elif planned.branch is not None:
            base = known_base(planned.base)
            targets.append(Target(line.token, line.copy.value, planned.branch.pk, *base))
    for start in range(0, len(targets), PART):
        part = targets[start : start + PART]
        if start and (not may_go_on() or not _is_going_on(outcomes)):
            outcomes += [RowOutcome(it.token, Result.NOT_TRIED) for it in part]
        else:
            outcomes += copying.copy(access, part, change_set, may_go_on=may_go_on)
    return outcomes


def _is_going_on(outcomes: Collection[RowOutcome]) -> bool:
    return not any(it.outcome is Result.NOT_TRIED for it in outcomes)


def unfinished(outcomes: Iterable[RowOutcome]) -> list[RowOutcome]:
    """Return the outcomes of what was not copied."""
    return [it for it in outcomes if it.outcome not in DONE]
