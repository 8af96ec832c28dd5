"""Import secrets: plan what a text would change, compare it with the store, and write it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import PermissionDenied
from django.db import transaction

from console.access import acts
from console.access.policy import Access, Permission
from console.audit.events import Action, Outcome, attempt_all, conclude_all
from console.audit.refusals import Refusal, record_refusals
from console.environment.sources import Change, ImportRow, PlannedRow
from console.lib.results import Result, RowOutcome
from console.lib.text.dotenv import Entry
from console.models import Branch
from secrets_app.locations import locate_secret, require_location
from secrets_app.models import Secret
from secrets_app.paths import InvalidPath
from secrets_app.reveal import ask_if_protected
from secrets_app.store import parameter_store
from secrets_app.store.base import Reading, SecretValue
from secrets_app.store.errors import Rejected, StoreError
from secrets_app.store.limits import check_value
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.messages import NOT_TRIED, OUTSIDE
from secrets_app.writes.save import save_as
from secrets_app.writes.snapshots import audit_target


def plan(
    access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
) -> Sequence[PlannedRow]:
    """Return what each entry would do in each scope, as of the last reconcile. Takes one query."""
    known = _known(access, (entry.key for entry in entries))
    denials = {branch: _denial(access, branch) for branch in scopes}
    return [
        _planned(access, branch, entry, known, denials[branch])
        for branch in scopes
        for entry in entries
    ]


def _known(access: Access, keys: Iterable[str]) -> dict[tuple[int | None, str], Secret]:
    rows = access.app.secrets.filter(version__gt=0, key__in={*keys}).select_related("branch")
    return {(row.branch_id, row.key): row for row in rows}


def _denial(access: Access, branch: Branch | None) -> str:
    try:
        access.require_on(Permission.WRITE, branch)
    except PermissionDenied as denial:
        return str(denial)
    return ""


def _planned(
    access: Access,
    branch: Branch | None,
    entry: Entry,
    known: Mapping[tuple[int | None, str], Secret],
    denial: str,
) -> PlannedRow:
    refusal = denial or _refusal(access, branch, entry)
    row = known.get((branch.pk if branch else None, entry.key))
    if row is None:
        return PlannedRow(entry.key, branch, Change.NEW, refusal=refusal)
    return PlannedRow(
        entry.key,
        branch,
        Change.EXISTS,
        base=row.base,
        refusal=refusal,
        last_change=_last_change(row),
    )


def _refusal(access: Access, branch: Branch | None, entry: Entry) -> str:
    try:
        locate_secret(access.app, branch, entry.key)
        check_value(SecretValue(entry.value))
    except InvalidPath as refusal:
        return str(refusal)
    except Rejected as rejection:
        return rejection.message
    return ""


def _last_change(row: Secret) -> str:
    if row.changed_at is None:
        return ""
    return f"{row.changed_by or OUTSIDE} changed it {naturaltime(row.changed_at)}"


def compare(
    access: Access, entries: Sequence[Entry], rows: Sequence[PlannedRow]
) -> Sequence[PlannedRow]:
    """Compare the entries with stored secrets. Each is audited before the store is read.

    It tells something about the stored values, so it asks for the same as revealing them. Rows
    that the actor may not reveal are left as they are. Raises PermissionDenied if these are all,
    ConfirmationRequired or a StoreError.
    """
    existing = [row for row in rows if row.change is Change.EXISTS]
    allowed = {row.scope: row for row in existing if access.may_on(Permission.REVEAL, row.branch)}
    if existing and not allowed:
        _deny(access, existing)
    for branch in {row.branch for row in allowed.values()}:
        ask_if_protected(access, branch, Action.SECRET_COMPARED)
    known = _known(access, (row.key for row in allowed.values()))
    compared = {scope: known[scope] for scope in allowed if scope in known}
    sizes = _compare_all(access, compared, {entry.key: entry.value for entry in entries})
    return [_resolved(row, *sizes[row.scope]) if row.scope in sizes else row for row in rows]


def _deny(access: Access, rows: Sequence[PlannedRow]) -> None:
    targets = [audit_target(access, row.branch, row.key) for row in rows]
    record_refusals(access.actor, [Refusal(Action.SECRET_COMPARED, it) for it in targets])
    for row in rows:
        acts.require(access, Action.SECRET_COMPARED, row.branch)


def _compare_all(
    access: Access, secrets: Mapping[tuple[int | None, str], Secret], values: Mapping[str, str]
) -> dict[tuple[int | None, str], tuple[bool, int]]:
    """Return whether each stored value is the same, and its size."""
    if not secrets:
        return {}
    attempts = [
        (Action.SECRET_COMPARED, audit_target(access, row.branch, row.key), row.version)
        for row in secrets.values()
    ]
    with transaction.atomic(durable=True):
        events = attempt_all(access.actor, attempts, change_set=uuid.uuid4())
    paths = {scope: require_location(access, row).primary for scope, row in secrets.items()}
    try:
        found = parameter_store().read(paths.values())
    except StoreError as error:
        conclude_all((event.pk, Outcome.FAILED, None, error.code) for event in events)
        raise
    readings = {scope: found.get(path) for scope, path in paths.items()}
    conclude_all(
        (event.pk, *_ending(readings[scope])) for event, scope in zip(events, secrets, strict=True)
    )
    return {
        scope: (reading.value == SecretValue(values[scope[1]]), _size(reading))
        for scope, reading in readings.items()
        if reading is not None
    }


def _ending(reading: Reading | None) -> tuple[Outcome, int | None, str]:
    if reading is None:  # removed outside since the last reconcile
        return Outcome.FAILED, None, "not found"
    return Outcome.SUCCEEDED, reading.parameter.version, ""


def _size(reading: Reading) -> int:
    return len(reading.value.reveal().encode())


def _resolved(row: PlannedRow, is_same: bool, size: int) -> PlannedRow:
    change = Change.SAME if is_same else Change.CHANGED
    return replace(row, change=change, size_before=size)


def apply(access: Access, rows: Sequence[ImportRow], change_set: uuid.UUID) -> Sequence[RowOutcome]:
    """Save the rows, each against the version that was planned.

    If the store can't be read, the first row has failed, and the others were not tried.
    """
    commands = [
        SetSecret(
            row.token,
            key=row.key,
            branch_id=row.branch_id,
            value=SecretValue(row.value),
            expected_version=row.expected_version,
            revision=row.revision,
        )
        for row in rows
    ]
    try:
        return save_as(access=access, commands=commands, change_set=change_set)
    except StoreError as error:  # before any write
        return [
            RowOutcome(row.token, Result.NOT_TRIED, NOT_TRIED, version=row.expected_version)
            if number
            else RowOutcome(row.token, Result.FAILED, error.message, version=row.expected_version)
            for number, row in enumerate(rows)
        ]
