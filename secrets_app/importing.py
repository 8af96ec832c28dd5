"""Import secrets: plan what a text would change, compare it with the store, and write it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.contrib.humanize.templatetags.humanize import naturaltime

from console.access.policy import Access, Permission
from console.audit.events import Action
from console.catalog.key_types import KeyTypes
from console.environment.importing import Change, ImportRow, PlannedRow
from console.environment.typed_values import host_risk
from console.lib.results import Result, RowOutcome
from console.lib.text.dotenv import Entry
from console.lib.text.remarks import sentence
from console.models import Branch
from secrets_app.locations import locate_secret
from secrets_app.models import Secret
from secrets_app.paths import InvalidPath
from secrets_app.reveal import read_all
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected, StoreError
from secrets_app.store.limits import REMARKS, check_value
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.messages import NOT_TRIED, OUTSIDE
from secrets_app.writes.save import save_as


def plan(
    access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
) -> Sequence[PlannedRow]:
    """Return what each entry would do in each scope, as of the last reconcile. Takes two queries.

    An entry that is unread is not compared with the type of its key. Saving does that.
    """
    known, types = _known(access, (entry.key for entry in entries)), KeyTypes(access.app)
    denials = {branch: access.refusal_on(Permission.WRITE, branch) for branch in scopes}
    return [
        _planned(
            access,
            branch,
            entry,
            known,
            denials[branch] or _refusal(access, branch, entry, types),
        )
        for branch in scopes
        for entry in entries
    ]


def _known(access: Access, keys: Iterable[str]) -> dict[tuple[int | None, str], Secret]:
    rows = access.app.secrets.filter(version__gt=0, key__in={*keys}).select_related("branch")
    return {(row.branch_id, row.key): row for row in rows}


def _planned(
    access: Access,
    branch: Branch | None,
    entry: Entry,
    known: Mapping[tuple[int | None, str], Secret],
    refusal: str,
) -> PlannedRow:
    risk = host_risk(access, branch, entry.key, entry.value)
    notes = [note for note in (sentence(REMARKS.nearly_full(entry.value), risk),) if note]
    row = known.get((branch.pk if branch else None, entry.key))
    if row is None:
        return PlannedRow(entry.key, branch, Change.NEW, refusal=refusal, notes=notes)
    return PlannedRow(
        entry.key,
        branch,
        Change.EXISTS,
        base=row.base,
        refusal=refusal,
        last_change=_last_change(row),
        notes=notes,
    )


def _refusal(access: Access, branch: Branch | None, entry: Entry, types: KeyTypes) -> str:
    try:
        locate_secret(access.app, branch, entry.key)
        check_value(SecretValue(entry.value))
    except InvalidPath as refusal:
        return str(refusal)
    except Rejected as rejection:
        return rejection.message
    return "" if entry.is_unread else types.problem(entry.key, entry.value)


def _last_change(row: Secret) -> str:
    if row.changed_at is None:
        return ""
    return f"{row.changed_by or OUTSIDE} changed it {naturaltime(row.changed_at)}"


def compare(
    access: Access, entries: Sequence[Entry], rows: Sequence[PlannedRow]
) -> Sequence[PlannedRow]:
    """Compare the entries with stored secrets, each of which is recorded as compared.

    Rows that the actor may not reveal are left as they are, unless these are all. Raises the errors
    of `read_all`.
    """
    existing = [row for row in rows if row.change is Change.EXISTS]
    allowed = [row for row in existing if access.may_on(Permission.REVEAL, row.branch)]
    known = _known(access, (row.key for row in existing))
    secrets = [known[row.scope] for row in allowed or existing if row.scope in known]
    found = read_all(access, secrets, Action.SECRET_COMPARED) if secrets else {}
    stored = {(secret.branch_id, secret.key): found[secret.pk].value for secret in secrets}
    values = {entry.key: SecretValue(entry.value) for entry in entries}
    return [
        _compared(row, stored[row.scope], values[row.key]) if row.scope in stored else row
        for row in rows
    ]


def _compared(row: PlannedRow, stored: SecretValue, value: SecretValue) -> PlannedRow:
    size = len(stored.reveal().encode())
    if stored == value:  # nothing is written, so no type can refuse it
        return replace(row, change=Change.SAME, size_before=size, refusal="")
    return replace(row, change=Change.CHANGED, size_before=size)


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
            origin=row.origin,
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
