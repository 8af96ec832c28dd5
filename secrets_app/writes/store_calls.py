"""Store calls: write one leased row to the store, and say how that ended."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from console.access.policy import Access
from console.environment.typed_values import describe
from console.lib.results import Result, RowOutcome
from secrets_app import revisions
from secrets_app.models import LeaseStage
from secrets_app.projection import mirror_key
from secrets_app.store.base import ParameterStore, Written
from secrets_app.store.errors import (
    AlreadyExists,
    Conflict,
    KeyUnavailable,
    Misconfigured,
    OutcomeUnknown,
    StoreError,
    Throttled,
    Unreachable,
)
from secrets_app.store.limits import REMARKS
from secrets_app.writes import endings, leases, messages
from secrets_app.writes.bin_copies import NotCopied, fill
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.endings import Ending
from secrets_app.writes.leases import Lease
from secrets_app.writes.validation import ValidCommand

# After these errors the next row would fail as well, or the response would take too long.
STOPPING = (Unreachable, Throttled, Misconfigured, KeyUnavailable, OutcomeUnknown)


@dataclass(frozen=True)
class Response:
    """What the page shows for a row, and how its write ended.

    `error` is the store's, if it refused the row or its mirror.
    """

    outcome: RowOutcome
    ending: Ending
    error: StoreError | None = None


def write(access: Access, store: ParameterStore, row: ValidCommand, lease: Lease) -> Response:
    """Call the store for a row. Raises no StoreError."""
    try:
        match row.command:
            case SetSecret():
                return _put(access, store, row, lease, row.command)
            case DeleteSecret():
                return _remove(store, row, lease)
    except NotCopied as reason:
        ending = endings.failed(lease, reason.code)
        return Response(_ask(row.command, reason), ending)
    except Conflict as error:
        ending = endings.failed(lease, "conflict")
        return Response(store_error(row, Result.CONFLICT, error), ending, error)
    except OutcomeUnknown as error:
        ending = endings.unknown(lease, error.code)
        return Response(store_error(row, Result.UNKNOWN, error), ending, error)
    except StoreError as error:
        ending = endings.failed(lease, error.code)
        return Response(store_error(row, Result.FAILED, error), ending, error)
    raise TypeError(f"Unknown command: {type(row.command).__name__}")


def store_error(row: ValidCommand, result: Result, error: StoreError) -> RowOutcome:
    """Return the outcome of a row that the store refused."""
    command = row.command
    return RowOutcome(
        command.token,
        result,
        error.message,
        version=command.expected_version,
        revision=command.revision,
    )


def _ask(command: SecretCommand, reason: NotCopied) -> RowOutcome:
    """Return the outcome of a removal that asks whether to go on without a copy."""
    return RowOutcome(
        command.token,
        Result.REFUSED,
        reason.question,
        "copy",
        version=command.expected_version,
        revision=command.revision,
    )


def _put(
    access: Access, store: ParameterStore, row: ValidCommand, lease: Lease, command: SetSecret
) -> Response:
    value, secret = command.value, lease.secret
    key_id, advanced = secret.key_id or command.key_id, secret.advanced or command.advanced
    written = store.put(
        row.paths.primary,
        value,
        overwrite=lease.version_before > 0,
        key_id=key_id,
        advanced=advanced,
    )
    notes = messages.SaveNotes(
        outside_write=_was_written_outside(lease.version_before, written),
        remark=describe(access, REMARKS, row.target.branch, row.target.key, value.reveal()),
    )
    mirror: Written | None = None
    columns: dict[str, Any] = {"changed_by": access.actor.label}
    columns |= {"key_id": key_id, "advanced": advanced}  # which the next save keeps
    if row.paths.mirror:
        known, is_ours = secret.mirror_version, lease.mirror_is_open
        mirror_key_id = mirror_key(secret) or command.key_id
        try:
            mirror = store.put(
                row.paths.mirror,
                value,
                overwrite=is_ours or known > 0,
                key_id=mirror_key_id,
                advanced=secret.mirror_advanced,
            )
            columns["mirror_key_id"] = mirror_key_id
        except StoreError as error:  # the secret is saved, and the background writes its mirror
            notes.mirror_error = error
            if not isinstance(error, AlreadyExists):  # otherwise it is someone else's
                columns["mirror_due_at"] = timezone.now()
        else:
            notes.mirror_outside_write = not is_ours and _was_written_outside(known, mirror)
    now = timezone.now()
    ending = endings.written(
        lease,
        written,
        mirror,
        at=now,
        held_as=_held_as(written, mirror, notes.mirror_error),
        detail=notes.audit_detail(),
        **columns,
    )
    outcome = RowOutcome(
        command.token,
        Result.SAVED,
        notes.user_message(),
        version=written.version,
        revision=revisions.provisional_revision(now),
        pk=lease.secret.pk,
    )
    return Response(outcome, ending, notes.mirror_error)


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


def _remove(store: ParameterStore, row: ValidCommand, lease: Lease) -> Response:
    if lease.entry:
        fill(store, lease, lease.entry, row.paths)
        leases.mark_called(lease)  # copying took a while, and nobody else may have it by now
    existed = store.remove(filter(None, [row.paths.primary, row.paths.mirror]))
    ending = endings.removed(lease, "" if existed else "It was already removed from the store.")
    outcome = RowOutcome(row.command.token, Result.REMOVED, pk=lease.secret.pk)
    return Response(outcome, ending)
