"""Marked copies: values of a preview that were copied from its source, and whether they still are.

A mark is a row in the database, never in a store. It is valid while the preview's value is the one
that was written, and a rule says that the preview takes from that branch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from console.access.policy import Access
from console.audit.events import Action, Outcome
from console.catalog.previews import Previews, previews_of
from console.environment.keys import OwnKey
from console.lib.results import DONE, Result, RowOutcome
from console.models import AuditEvent, Branch, PreviewCopy
from console.workflows.coverage import own_keys

Keys = Mapping[str, Sequence[OwnKey]]
_Cell = tuple[str, int, str]  # noun, branch id and key
_WRITES = (
    *(Action.SECRET_CREATED, Action.SECRET_CHANGED),
    *(Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED),
)


class _Write(NamedTuple):
    version: int
    ended_at: datetime


@dataclass(frozen=True)
class MarkedCopy:
    """A preview's own value that is a copy. `original` is what its source has of that key now.

    It `is_outdated` if the source's value was changed, removed or added again since.
    """

    noun: str
    value: OwnKey
    source: Branch
    original: OwnKey | None
    is_outdated: bool

    @property
    def words(self) -> str:
        """Return what it is, such as "Copy of dev"."""
        if not self.is_outdated:
            return f"Copy of {self.source.name}"
        if self.original is None:
            return f"Copy of {self.source.name}, which has no value now"
        return f"Copy of {self.source.name}, out of date"


def copies_of(
    access: Access,
    keys: Keys | None = None,
    previews: Previews | None = None,
    branch: Branch | None = None,
) -> dict[tuple[str, int], MarkedCopy]:
    """Return the copies on previews, or on one branch, by noun and `OwnKey.pk`.

    Takes one query if there are no marks. Otherwise also those of `previews_of` and `own_keys`, if
    they aren't given, and one for marks whose write was cut off.
    """
    rows = PreviewCopy.objects.filter(app=access.app)
    marks = [*(rows.filter(branch=branch) if branch else rows)]
    if not marks:
        return {}
    previews = previews or previews_of(access)
    keys = own_keys(access) if keys is None else keys
    own = _by_cell(keys)
    branches = {it.pk: it for it in access.branches}
    written = _written(access, marks)
    found = {}
    for mark in marks:
        value = own.get((mark.noun, mark.branch_id, mark.key))
        source = _source(mark, branches, previews)
        if source and value and _is_written(mark, value, written):
            original = own.get((mark.noun, mark.source_id, mark.key))
            is_outdated = original is None or _stamp(original) != mark.source_stamp
            found[mark.noun, value.pk] = MarkedCopy(mark.noun, value, source, original, is_outdated)
    return found


def _source(mark: PreviewCopy, branches: Mapping[int, Branch], previews: Previews) -> Branch | None:
    """Return the branch that the mark names, None unless a rule names it, too."""
    branch = branches.get(mark.branch_id)
    rule = previews.rule_of(branch) if branch else None
    return branches.get(mark.source_id) if rule and rule.source_id == mark.source_id else None


def prepare(
    access: Access, rows: Iterable[tuple[str, str, int, int | None]], change_set: UUID
) -> list[PreviewCopy]:
    """Return marks, not saved yet, for the rows that copy to a preview from its source.

    A row is (noun, key, `OwnKey.pk` of the value to copy, id of the branch to copy to). Called
    before the values are read: a source that changes in between makes the copy out of date.
    """
    sources = previews_of(access).sources
    wanted = [row for row in rows if row[3] in sources]
    if not wanted:
        return []
    originals = {(noun, it.pk): it for noun, found in own_keys(access).items() for it in found}
    marks = []
    for noun, key, pk, branch_id in wanted:
        original = originals.get((noun, pk))
        if branch_id and original and original.branch_id == sources[branch_id].pk:
            source_pk, version, at = _stamp(original)
            marks.append(
                PreviewCopy(
                    app=access.app,
                    branch_id=branch_id,
                    source_id=original.branch_id,
                    noun=noun,
                    key=key,
                    change_set=change_set,
                    at=timezone.now(),
                    source_pk=source_pk,
                    source_version=version,
                    source_at=at,
                )
            )
    return marks


def confirm(
    access: Access, marks: Sequence[PreviewCopy], outcomes: Mapping[_Cell, RowOutcome]
) -> None:
    """Keep the marks of what was written, instead of older ones, and delete those of the rest.

    One whose outcome is unknown stays: the audit trail will tell whether it was written.
    """
    if not marks:
        return
    own = _by_cell(own_keys(access))
    for mark in marks:
        cell = (mark.noun, mark.branch_id, mark.key)
        outcome, value = outcomes.get(cell), own.get(cell)
        if outcome is None or outcome.outcome not in DONE:
            if outcome is None or outcome.outcome is not Result.UNKNOWN:
                mark.delete()
        elif value is not None and value.version == outcome.version:
            mark.copy_pk, mark.copy_version, mark.copy_at = _stamp(value)
            mark.save(update_fields=["copy_pk", "copy_version", "copy_at"])
            older = PreviewCopy.objects.filter(branch_id=mark.branch_id, noun=mark.noun)
            older.filter(key=mark.key).exclude(pk=mark.pk).delete()


def _by_cell(keys: Keys) -> dict[_Cell, OwnKey]:
    return {
        (noun, row.branch_id, row.key): row
        for noun, rows in keys.items()
        for row in rows
        if row.branch_id is not None
    }


def _stamp(value: OwnKey) -> tuple[int, int, datetime | None]:
    """Return what identifies a value's state, even if it has the same version again."""
    return value.pk, value.version, value.changed_at


def _is_written(mark: PreviewCopy, value: OwnKey, written: Mapping[int, _Write]) -> bool:
    """Return True if the preview's value is the copy that the mark is of."""
    if mark.copy_pk is not None:
        return _stamp(value) == (mark.copy_pk, mark.copy_version, mark.copy_at)
    write = written.get(mark.pk)
    if write is None or write.version != value.version or not value.changed_by:
        return False
    # What was removed and added again since has the same version, but not the time.
    return value.changed_at is not None and mark.at <= value.changed_at <= write.ended_at


def _written(access: Access, marks: Iterable[PreviewCopy]) -> dict[int, _Write]:
    """Return what cut-off copies wrote, by mark, according to the audit trail."""
    open_marks = [mark for mark in marks if mark.copy_pk is None]
    if not open_marks:
        return {}
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id,
        change_set__in={mark.change_set for mark in open_marks},
        action__in=_WRITES,
        outcomes__outcome__in=(Outcome.SUCCEEDED, Outcome.SETTLED),
        outcomes__version_after__gt=0,
    )
    columns = ("change_set", "branch", "subject", "action")
    ends = ("outcomes__version_after", "outcomes__at")
    writes = {
        (change_set, branch, key, action.partition(".")[0]): _Write(version, at)
        for change_set, branch, key, action, version, at in events.values_list(*columns, *ends)
    }
    names = {branch.pk: branch.name for branch in access.branches}
    found = {}
    for mark in open_marks:
        name = names.get(mark.branch_id, "")
        if write := writes.get((mark.change_set, name, mark.key, mark.noun)):
            found[mark.pk] = write
    return found
