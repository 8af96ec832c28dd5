"""Copying a secret's value to the recycle bin, before the secret is removed."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from console.access.policy import Access
from console.audit.events import Action, attempt_all
from console.models import scope_name
from secrets_app import recycle_bin
from secrets_app.models import BinEntry, Copy
from secrets_app.paths import Location
from secrets_app.projection import key_and_tier
from secrets_app.store.base import ParameterStore, Reading
from secrets_app.store.errors import (
    AccessDenied,
    Conflict,
    KeyUnavailable,
    LimitReached,
    OutcomeUnknown,
    Rejected,
    StoreError,
    Unreachable,
    Unreadable,
)
from secrets_app.writes.commands import DeleteSecret
from secrets_app.writes.leases import Lease
from secrets_app.writes.snapshots import audit_target
from secrets_app.writes.validation import ValidCommand

QUESTION = (
    "Nothing is removed yet. {} Without a copy, you can't restore this secret afterward. Remove it "
    "without a copy?"
)
REASONS: dict[type[StoreError], str] = {
    AccessDenied: "Branchkeep may not copy it to the recycle bin in the parameter store.",
    KeyUnavailable: "It can't be copied to the recycle bin, because its KMS key can't be used.",
    LimitReached: "The parameter store has no room for a copy in the recycle bin.",
    Rejected: "The parameter store rejects a copy of it in the recycle bin.",
    Unreadable: "It can't be copied to the recycle bin, because it can't be decrypted.",
}


class NotCopied(Exception):
    """No copy can be made, and retrying won't help. `question` asks what to do."""

    def __init__(self, error: StoreError) -> None:
        reason = next(text for kind, text in REASONS.items() if isinstance(error, kind))
        self.question, self.code = QUESTION.format(reason), error.code
        super().__init__(error.code)


def begin(
    access: Access, leased: Sequence[tuple[ValidCommand, Lease]], change_set: uuid.UUID
) -> list[tuple[ValidCommand, Lease]]:
    """Commit an entry and an audit event for each copy that is about to be made.

    Returns the rows with the leases that hold the entries. What has no value needs no copy.
    """
    going = [(row, lease) for row, lease in leased if _needs_copy(row, lease)]
    if not going:
        return [*leased]
    targets = [audit_target(access, row.target.branch, row.target.key) for row, _ in going]
    with transaction.atomic(durable=True):
        events = attempt_all(
            access.actor,
            (
                (Action.BIN_FILLED, target, lease.version_before or None)
                for target, (_, lease) in zip(targets, going, strict=True)
            ),
            change_set=change_set,
        )
        now = timezone.now()
        entries = BinEntry.objects.bulk_create(
            BinEntry(
                app=access.app,
                branch=row.target.branch,
                scope=scope_name(row.target.branch),
                key=row.target.key,
                copy_id=recycle_bin.new_copy_id(),
                version=lease.version_before,
                modified=lease.modified,
                **key_and_tier(lease.secret, lease.version_before),
                removed_at=now,
                removed_by=access.actor.label,
                change_set=change_set,
                removal_id=lease.event_id,
                claim=event,
                due_at=now + recycle_bin.LONGEST,
            )
            for event, (row, lease) in zip(events, going, strict=True)
        )
    by_removal = {entry.removal_id: entry for entry in entries}
    return [(row, replace(lease, entry=by_removal.get(lease.event_id))) for row, lease in leased]


def _needs_copy(row: ValidCommand, lease: Lease) -> bool:
    command = row.command
    is_copied = isinstance(command, DeleteSecret) and not command.without_copy
    return is_copied and bool(lease.version_before or lease.secret.mirror_version)


def fill(store: ParameterStore, lease: Lease, entry: BinEntry, paths: Location) -> None:
    """Copy the value. `entry.copy` then says what the store has, whatever is raised.

    Raises NotCopied, Conflict if it is no longer the value to remove, or a StoreError that says
    that nothing has changed.
    """
    copy(store, entry, lambda: _read(store, lease, paths))


def copy(store: ParameterStore, entry: BinEntry, read: Callable[[], Reading | None]) -> None:
    """Copy what `read` returns, as `fill` does."""
    try:
        reading = read()
        if reading is None:
            return
        path = recycle_bin.path_of(entry, entry.app)
        store.put(path, reading.value, overwrite=True, key_id=entry.key_id)
        entry.copy = Copy.MADE
    except tuple(REASONS) as error:
        raise NotCopied(error) from None
    except OutcomeUnknown as error:
        entry.copy = Copy.UNKNOWN
        raise Unreachable(code=error.code) from None


def _read(store: ParameterStore, lease: Lease, paths: Location) -> Reading | None:
    """Return the secret's value, or if only the mirror is left, the mirror's. Raises Conflict."""
    reading = store.read([paths.primary]).get(paths.primary)
    if reading is not None and reading.parameter.version != lease.version_before:
        raise Conflict
    if reading is None and paths.mirror:
        return store.read([paths.mirror]).get(paths.mirror)
    return reading
