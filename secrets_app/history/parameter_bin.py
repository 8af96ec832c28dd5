"""Parameters of no known branch in the recycle bin: restore one to the path that it had.

The value goes from the store to the store. If the branch of its folder was added since, it is
restored as a secret of that branch.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from console.access import acts
from console.access.policy import Access
from console.audit.events import Action, Outcome, Recording, Target, recording
from console.audit.refusals import recording_denial
from console.lib.results import Result, RowOutcome
from console.models import Branch
from secrets_app import recycle_bin
from secrets_app.history import bin_actions
from secrets_app.locations import scope_folders
from secrets_app.models import BinEntry, BinState, UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.store.errors import AlreadyExists, NotFound, OutcomeUnknown, StoreError
from secrets_app.sync import unknown, unknown_removal

EXISTS = "There is a parameter at its path again, so nothing was changed."


def restore(access: Access, entry: BinEntry, change_set: uuid.UUID) -> RowOutcome:
    """Write a removed parameter again and return how that ended.

    Raises PermissionDenied, or a StoreError if nothing was written.
    """
    with restoring_many(access) as restored:
        return restore_one(access, entry, change_set, restored)


@contextmanager
def restoring_many(access: Access) -> Iterator[list[BinEntry]]:
    """Yield a list that `restore_one` fills, then clear up after all of its entries at once.

    A process that is killed before that loses nothing: the next reconcile finds the parameters, and
    the background deletes the copies.
    """
    restored: list[BinEntry] = []
    yield restored
    if not restored:
        return
    by_path = {entry.path: entry for entry in restored}
    with suppress(StoreError):
        found = parameter_store().current(by_path).values()
        kept = ((it, by_path[it.path]) for it in found)
        unknown.remember(
            access.app,
            [replace(it, key_id=entry.key_id, advanced=entry.advanced) for it, entry in kept],
        )
    bin_actions.delete_now(restored)


def restore_one(
    access: Access, entry: BinEntry, change_set: uuid.UUID, restored: list[BinEntry]
) -> RowOutcome:
    """Do what `restore` does, but leave the clearing up to `restoring_many`."""
    target = Target(access.app.app_id, entry.scope, entry.path)
    with recording_denial(access.actor, Action.PARAMETER_RESTORED, target):
        acts.require(access, Action.PARAMETER_RESTORED)
    if branch := _branch_of(access, entry):
        return bin_actions.restore(access, entry, change_set, to=branch)
    if until := _held_until(entry):
        return RowOutcome(str(entry.pk), Result.HELD, unknown_removal.HELD.format(until))
    with recording(
        access.actor,
        Action.PARAMETER_RESTORED,
        target,
        origin=entry.removal_id,
        change_set=change_set,
    ) as record:
        bin_actions.claim(entry, record, BinState.RESTORING)
        outcome = _write(access, entry, record)
    if outcome.outcome is Result.SAVED:
        restored.append(entry)
    return outcome


def _branch_of(access: Access, entry: BinEntry) -> Branch | None:
    """Return the branch that uses the folder by now, None if none does."""
    branches = {branch.pk: branch for branch in access.branches if branch.deleted_at is None}
    for (branch_id, _), folder in scope_folders(access.app, branches.values()).items():
        if folder == entry.folder and branch_id:
            return branches[branch_id]
    return None


def _held_until(entry: BinEntry) -> datetime | None:
    """Return until when a removal of what was at the path since may still reach the store."""
    rows = UnknownParameter.objects.filter(app=entry.app_id, folder=entry.folder, key=entry.key)
    claimed = rows.filter(claimed_until__gt=timezone.now())
    return claimed.values_list("claimed_until", flat=True).first()


def _write(access: Access, entry: BinEntry, record: Recording) -> RowOutcome:
    store, token = parameter_store(), str(entry.pk)
    copy = recycle_bin.path_of(entry, access.app)
    try:
        reading = store.read([copy]).get(copy)
        if reading is None:
            raise NotFound(bin_actions.GONE.format(entry.key))
        written = store.put(
            entry.path,
            reading.value,
            overwrite=False,
            key_id=entry.key_id,
            advanced=entry.advanced,
        )
    except AlreadyExists:
        bin_actions.release(entry)
        record.outcome, record.detail = Outcome.FAILED, "conflict"
        return RowOutcome(token, Result.CONFLICT, EXISTS)
    except OutcomeUnknown as error:  # the background finds out
        record.outcome, record.detail = Outcome.UNKNOWN, error.code
        return RowOutcome(token, Result.UNKNOWN, error.message)
    except StoreError:
        bin_actions.release(entry)
        raise
    record.version_after = written.version
    recycle_bin.delete_later([entry.pk])
    return RowOutcome(token, Result.SAVED, version=written.version)
