"""Save: many rows, each of which reports its own outcome.

Validate all rows, read the store's versions (one call per ten rows), then write row by row: lease
and audit event, store, outcome and projection. If the store is unavailable, the rest is skipped.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from django.db import DatabaseError
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Outcome
from console.lib.invisible import describe_invisible
from console.lib.results import Result, RowOutcome
from console.lib.stopping import is_stopping
from secrets_app import revisions
from secrets_app.models import LeaseStage
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore, Written
from secrets_app.store.errors import (
    AlreadyExists,
    KeyUnavailable,
    Misconfigured,
    OutcomeUnknown,
    StoreError,
    Throttled,
    Unreachable,
)
from secrets_app.writes import leases, messages, own_attempts
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.leases import Lease
from secrets_app.writes.snapshots import Snapshot, take_snapshots
from secrets_app.writes.validation import Refused, ValidCommand, action_of, validate

log = structlog.get_logger()

MAX_SNAPSHOTS = 3  # of a row that others keep writing
# After these errors the next row would fare no better, or the response would take too long.
_STOPPING = (Unreachable, Throttled, Misconfigured, KeyUnavailable, OutcomeUnknown)


def save(
    *, actor: Actor, app_id: str, commands: Sequence[SecretCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write and remove secrets; return one outcome per command, in their order.

    Raises Http404 for an outsider, and StoreError if the store can't be read, before any write.
    """
    return save_as(access=find_app(actor, app_id), commands=commands, change_set=change_set)


def save_as(
    *, access: Access, commands: Sequence[SecretCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Do the same as `save` with an access that was looked up for this request."""
    since = timezone.now()  # before the rows are read, so that later writes count as conflicts
    outcomes: dict[str, RowOutcome] = {}
    ids = [command.secret_id for command in commands if command.secret_id is not None]
    known = {secret.pk: secret for secret in access.app.secrets.filter(pk__in=ids)}
    if valid := list(validate(access, commands, known, outcomes)):
        # With new rows among them, the snapshots read the rows again, by key.
        all_rows = known.values() if len(known) == len(commands) else ()
        targets = [row.target for row in valid]
        snapshots = take_snapshots(parameter_store(), access.app, targets, all_rows, since)
        _write_all(access, zip(valid, snapshots, strict=True), change_set, outcomes)
    return [outcomes[command.token] for command in commands]


def _write_all(
    access: Access,
    rows: Iterable[tuple[ValidCommand, Snapshot]],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> None:
    store = parameter_store()
    stopped = False
    for row, snapshot in rows:
        command = row.command
        if stopped or is_stopping():
            reason = messages.NOT_TRIED if stopped else messages.STOPPING
            outcomes[command.token] = RowOutcome(
                command.token, Result.NOT_TRIED, reason, version=command.expected_version
            )
        else:
            outcomes[command.token], stopped = _write_one(access, store, row, snapshot, change_set)


def _write_one(
    access: Access,
    store: ParameterStore,
    row: ValidCommand,
    snapshot: Snapshot,
    change_set: uuid.UUID,
) -> tuple[RowOutcome, bool]:
    """Write one row; return its outcome, and True if the remaining rows should be skipped.

    Nothing is raised from here on: the outcomes of the rows already saved must not be lost.
    """
    try:
        lease = _acquire(access, store, row, snapshot, change_set)
    except Refused as refusal:
        return refusal.outcome, False
    except StoreError as error:
        return _store_error(row, Result.FAILED, error), isinstance(error, _STOPPING)
    except DatabaseError as error:
        log.error("save.database", error=type(error).__name__)
        return _database_error(row, Result.FAILED, messages.DATABASE_BUSY), True
    try:
        return _apply(access, store, row, lease)
    except leases.LeaseLost:
        return messages.row_leased(row.command, access, row.target), False
    except AlreadyExists as error:
        leases.release(lease, Outcome.FAILED, detail="conflict")
        return _creation_conflict(access, store, row, error), False
    except OutcomeUnknown as error:
        leases.release(lease, Outcome.UNKNOWN, detail=error.code)
        return _store_error(row, Result.UNKNOWN, error), True
    except StoreError as error:
        leases.release(lease, Outcome.FAILED, detail=error.code)
        return _store_error(row, Result.FAILED, error), isinstance(error, _STOPPING)
    except DatabaseError as error:  # the lease stays, and reconciling settles it
        log.error("save.database", error=type(error).__name__)
        return _database_error(row, Result.UNKNOWN, messages.DATABASE_UNKNOWN), True


def _acquire(
    access: Access,
    store: ParameterStore,
    row: ValidCommand,
    snapshot: Snapshot,
    change_set: uuid.UUID,
) -> Lease:
    """Lease the row. Raises Refused for a conflict, and StoreError if reading again fails."""
    command = row.command
    for _ in range(MAX_SNAPSHOTS):
        if _is_another_secret(command, snapshot):
            raise Refused(RowOutcome(command.token, Result.CONFLICT, messages.GONE, pk=None))
        if _conflicts(command, snapshot) and not own_attempts.is_own_write(
            access, command, snapshot, change_set
        ):
            raise Refused(messages.conflict(command.token, access, snapshot))
        try:
            return leases.acquire(access, action_of(command), snapshot, change_set=change_set)
        except leases.RowLeased:
            break
        except leases.StaleSnapshot:
            [snapshot] = take_snapshots(store, access.app, [row.target])
    raise Refused(messages.row_leased(command, access, row.target))


def _is_another_secret(command: SecretCommand, snapshot: Snapshot) -> bool:
    """Return True if the page's secret was removed, even if one of the same key was added since."""
    return command.secret_id is not None and (
        snapshot.secret is None or snapshot.secret.pk != command.secret_id
    )


def _conflicts(command: SecretCommand, snapshot: Snapshot) -> bool:
    """Return True if the store no longer holds what the command expects."""
    if isinstance(command, DeleteSecret) and snapshot.version == 0:
        return False  # it is gone, which is what was asked for
    return not snapshot.matches(command.expected_version, command.revision)


def _apply(
    access: Access, store: ParameterStore, row: ValidCommand, lease: Lease
) -> tuple[RowOutcome, bool]:
    """Call the store. In the embedded store, value and outcome are one transaction."""
    command = row.command
    with store.shared_transaction():
        leases.mark_called(lease)
        match command:
            case SetSecret():
                return _put(access, store, row, lease, command)
            case DeleteSecret():
                return _delete(store, row, lease), False
    raise TypeError(f"Unknown command: {type(command).__name__}")


def _put(
    access: Access, store: ParameterStore, row: ValidCommand, lease: Lease, command: SetSecret
) -> tuple[RowOutcome, bool]:
    value = command.value
    written = store.put(row.paths.primary, value, overwrite=lease.version_before > 0)
    notes = messages.SaveNotes(
        outside_write=_was_written_outside(lease.version_before, written),
        invisible=describe_invisible(value.reveal()),
    )
    mirror: Written | None = None
    columns: dict[str, Any] = {"changed_by": access.actor.label}
    if row.paths.mirror:
        known, is_ours = lease.secret.mirror_version, lease.mirror_is_open
        try:
            mirror = store.put(row.paths.mirror, value, overwrite=is_ours or known > 0)
        except StoreError as error:  # the secret is saved, and the background writes its mirror
            notes.mirror_error = error
            if not isinstance(error, AlreadyExists):  # otherwise it is someone else's
                columns["mirror_due_at"] = timezone.now()
        else:
            notes.mirror_outside_write = not is_ours and _was_written_outside(known, mirror)
    changed_at = leases.commit_write(
        lease,
        written,
        mirror,
        held_as=_held_as(written, mirror, notes.mirror_error),
        detail=notes.audit_detail(),
        **columns,
    )
    outcome = RowOutcome(
        command.token,
        Result.SAVED,
        notes.user_message(),
        version=written.version,
        revision=revisions.provisional_revision(changed_at),
        pk=lease.secret.pk,
    )
    return outcome, isinstance(notes.mirror_error, _STOPPING)


def _held_as(
    written: Written, mirror: Written | None, mirror_error: StoreError | None
) -> LeaseStage | None:
    """Return the stage of a lease that outlasts the save, because a request may still arrive."""
    if written.may_repeat:
        return LeaseStage.LATE
    is_open = mirror.may_repeat if mirror else isinstance(mirror_error, OutcomeUnknown)
    return LeaseStage.MIRROR if is_open else None


def _was_written_outside(version_before: int, written: Written) -> bool:
    """Return True if the new version shows that someone else wrote in between.

    SSM has no compare-and-set. A retried request may have been counted more than once.
    """
    return not 0 < written.version - version_before <= written.attempts


def _delete(store: ParameterStore, row: ValidCommand, lease: Lease) -> RowOutcome:
    removed = store.remove(filter(None, [row.paths.primary, row.paths.mirror]))
    leases.commit_removal(lease, "" if removed else "It was already removed from the store.")
    return RowOutcome(row.command.token, Result.REMOVED, pk=lease.secret.pk)


def _creation_conflict(
    access: Access, store: ParameterStore, row: ValidCommand, error: AlreadyExists
) -> RowOutcome:
    """Return the conflict of a secret that someone else created first."""
    try:
        [snapshot] = take_snapshots(store, access.app, [row.target])
    except StoreError:  # who created it can't be read; the conflict stands
        return _store_error(row, Result.CONFLICT, error)
    return messages.conflict(row.command.token, access, snapshot)


def _database_error(row: ValidCommand, result: Result, message: str) -> RowOutcome:
    command = row.command
    return RowOutcome(command.token, result, message, version=command.expected_version)


def _store_error(row: ValidCommand, result: Result, error: StoreError) -> RowOutcome:
    command = row.command
    return RowOutcome(
        command.token,
        result,
        error.message,
        version=command.expected_version,
        revision=command.revision,
    )
