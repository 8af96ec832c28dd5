"""Import variables: plan what a text would change, and write it."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from console.access.policy import Access
from console.environment.importing import Change, ImportRow, PlannedRow
from console.environment.typed_values import host_risk
from console.lib.results import RowOutcome, encode_base
from console.lib.text.dotenv import Entry
from console.lib.text.remarks import sentence
from console.models import Branch
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.formats.hints import describe_key
from envvars_app.formats.notes import masked_notes
from envvars_app.formats.validation import REMARKS
from envvars_app.variables import bulk, save
from envvars_app.variables.commands import SetVariable


def plan(
    access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
) -> Sequence[PlannedRow]:
    """Return what an import would do, as bulk edit's preview does."""
    values = {entry.key: entry.value for entry in entries}
    lines = bulk.preview(access, bulk.BulkEdit(values, scopes)).lines
    return [_planned(access, line, values.keys()) for line in lines]


def _planned(access: Access, line: bulk.PreviewLine, keys: Collection[str]) -> PlannedRow:
    version, value = line.command.expected_version, line.new or ""
    return PlannedRow(
        line.key,
        line.branch,
        Change(line.kind),
        base=encode_base(version, line.command.variable_id if version else None),
        size_before=None if line.old is None else len(line.old.encode()),
        refusal=line.refusal.message if line.refusal else "",
        notes=[note for note in _notes(access, line, value, keys) if note],
    )


def _notes(
    access: Access, line: bulk.PreviewLine, value: str, keys: Collection[str]
) -> Iterable[str]:
    host = host_risk(access, line.branch, line.key, value)
    risks = sentence(REMARKS.nearly_full(value), host)
    return describe_key(line.key), *masked_notes(value, keys), risks


def apply(access: Access, rows: Sequence[ImportRow], change_set: UUID) -> Sequence[RowOutcome]:
    """Write what was planned, and push it to Amplify if the app is connected."""
    commands = [
        SetVariable(
            row.token,
            key=row.key,
            branch_id=row.branch_id,
            value=row.value,
            expected_version=row.expected_version,
            revision=row.revision,
        )
        for row in rows
    ]
    outcomes = save.save(
        actor=access.actor,
        app_id=access.app.app_id,
        commands=commands,
        change_set=change_set,
    )
    push_waiting(access.app)
    return outcomes
