"""What people do with removed secrets: restore them, or delete them for good.

A restored value goes from the store to the store and never reaches the browser.
"""

import uuid
from collections.abc import Iterable

from django.http import Http404
from django.utils import timezone

from console.access import acts
from console.access.policy import Access
from console.audit.events import SEE_SAVE, Action, Outcome, Recording, Target, recording
from console.audit.refusals import recording_denial
from console.lib.results import DONE, Result, RowOutcome
from console.models import Branch
from secrets_app import recycle_bin
from secrets_app.models import BinEntry, BinState
from secrets_app.reveal import ask_if_protected
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, NotFound, OutcomeUnknown, StoreError
from secrets_app.sync.bin_upkeep import delete_copies
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save_as
from secrets_app.writes.snapshots import audit_target

GONE = (
    "The copy is no longer in the parameter store, so {} can't be restored. Somebody deleted it "
    "outside Branchkeep."
)
BUSY = "Somebody else is restoring or deleting this right now. Reload the page."


def find_entry(access: Access, pk: int) -> BinEntry:
    """Return what is in the app's recycle bin under this id. Raises Http404."""
    entry = recycle_bin.kept(access.app).filter(pk=pk).first()
    if entry is None:
        raise Http404("This is no longer in the recycle bin.")
    return entry


def entry_of_removal(access: Access, event_id: int) -> BinEntry | None:
    """Return the entry of the removal with this audit event, None if it is no longer there."""
    return recycle_bin.kept(access.app).filter(removal=event_id).first()


def restore(
    access: Access,
    entry: BinEntry,
    change_set: uuid.UUID,
    *,
    to: Branch | None,
    base: tuple[int, int | None] = (0, None),
) -> RowOutcome:
    """Save a removed secret again and return how that ended. `to` None is All branches.

    `base` is the version and revision of a secret that exists there by now, as the page showed it;
    without one, an existing secret is a conflict. On another branch than before, more people may
    read the value, so that asks for the permission to reveal it. Two events are recorded under the
    change set: the restore, before the copy is read, and the save. Raises PermissionDenied,
    ConfirmationRequired, or a StoreError if nothing was written.
    """
    target = audit_target(access, to, entry.key)
    if to != entry.branch:
        ask_if_protected(access, entry.branch, Action.BIN_RESTORED)
    with recording_denial(access.actor, Action.BIN_RESTORED, target):
        acts.require(access, Action.BIN_RESTORED, to)
        _require_origin(access, entry, to)
    with recording(
        access.actor,
        Action.BIN_RESTORED,
        target,
        version_before=entry.version or None,
        origin=entry.removal_id,
        change_set=change_set,
    ) as record:
        claim(entry, record, BinState.RESTORING)
        try:
            outcome = _save(access, entry, change_set, to, base, record.event_id)
        except StoreError:
            release(entry)
            raise
        if outcome.outcome is Result.UNKNOWN:  # the entry is finished when the save is settled
            record.outcome, record.detail = Outcome.SETTLED, SEE_SAVE
        elif outcome.outcome in DONE:
            recycle_bin.delete_later([entry.pk])
        else:
            release(entry)
            record.outcome, record.detail = Outcome.FAILED, str(outcome.outcome)
    if outcome.outcome in DONE:
        delete_now([entry])
    return outcome


def delete(access: Access, entry: BinEntry) -> None:
    """Delete a removed secret for good. Raises PermissionDenied, or a StoreError.

    If a response is lost, the background deletes what is left.
    """
    target = Target(access.app.app_id, entry.scope, entry.path or entry.key)
    with recording_denial(access.actor, Action.BIN_DELETED, target):
        if entry.folder:
            acts.require(access, Action.PARAMETER_REMOVED)
        else:
            acts.require(access, Action.BIN_DELETED, entry.branch)
    before = entry.version or None
    with recording(access.actor, Action.BIN_DELETED, target, version_before=before) as record:
        claim(entry, record, BinState.DELETING)
        try:
            delete_copies([entry])
        except OutcomeUnknown as error:
            record.outcome, record.detail = Outcome.UNKNOWN, error.code
        except StoreError:
            release(entry)
            raise


def _require_origin(access: Access, entry: BinEntry, to: Branch | None) -> None:
    """Raise PermissionDenied unless the actor may take the value from where it was."""
    acts.require(access, Action.BIN_RESTORED, entry.branch)
    if to != entry.branch:
        acts.require(access, Action.SECRET_REVEALED, entry.branch)


def claim(entry: BinEntry, record: Recording, state: BinState) -> None:
    """Make sure that nobody else restores or deletes it. Raises Conflict."""
    until = timezone.now() + recycle_bin.LONGEST
    same = BinEntry.objects.filter(pk=entry.pk, state=BinState.KEPT)
    if not same.update(state=state, claim=record.event_id, due_at=until):
        raise Conflict(BUSY)


def release(entry: BinEntry) -> None:
    """Keep the entry in the recycle bin."""
    BinEntry.objects.filter(pk=entry.pk).update(state=BinState.KEPT, due_at=None)


def _save(
    access: Access,
    entry: BinEntry,
    change_set: uuid.UUID,
    to: Branch | None,
    base: tuple[int, int | None],
    origin: int,
) -> RowOutcome:
    path = recycle_bin.path_of(entry, access.app)
    reading = parameter_store().read([path]).get(path)
    if reading is None:
        raise NotFound(GONE.format(entry.key))
    command = SetSecret(
        str(entry.pk),
        key=entry.key,
        branch_id=to.pk if to else None,
        value=reading.value,
        expected_version=base[0],
        revision=base[1],
        key_id=entry.key_id,
        advanced=entry.advanced,
        origin=origin,
        puts_back=_is_as_before(entry, to),
        any_type=True,
    )
    [outcome] = save_as(access=access, commands=[command], change_set=change_set)
    return outcome


def _is_as_before(entry: BinEntry, to: Branch | None) -> bool:
    """Return True if the branch was deleted already when the secret was removed from it."""
    is_own = to is not None and to == entry.branch
    return bool(is_own and to and to.deleted_at and to.deleted_at < entry.removed_at)


def delete_now(entries: Iterable[BinEntry]) -> None:
    """Delete the copies of what is restored. If that fails, the background does."""
    try:
        delete_copies(entries)
    except StoreError:
        return
