"""Finish what was interrupted in the recycle bin, and delete what has expired.

An entry that is due is claimed first, so that all processes may do this at once. If a process is
killed, the entry is due again later.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from console.access.actors import BACKGROUND
from console.audit.events import (
    COMPLETED,
    Action,
    Outcome,
    Target,
    attempt_all,
    conclude,
    conclude_all,
)
from console.audit.queries import with_outcomes
from console.environment.recycle_bin import BinUpkeep
from console.models import AuditEvent, AuditOutcome
from secrets_app import recycle_bin
from secrets_app.locations import locate_secret
from secrets_app.models import BinEntry, BinState, Secret, UnknownParameter
from secrets_app.paths import InvalidPath
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter
from secrets_app.store.errors import StoreError
from secrets_app.store.limits import BATCH
from secrets_app.writes.store_calls import STOPPING

RETRY_AFTER = timedelta(minutes=2)
NOT_REMOVED = "The secret was not removed, so the copy isn't needed."
NOT_COPIED = "No copy was made."
DELETED = "It was deleted."
RESTORED = "It was restored."
NOT_RESTORED = "It was not restored, and is still in the recycle bin."
IN_BIN = "The copy is in the recycle bin."


def finish_due() -> BinUpkeep:
    """Finish the entries that are due, then purge those that have expired. Raises no StoreError.

    An entry that fails is due again later. If the store doesn't answer, the others wait too.
    """
    result = BinUpkeep()
    entries = recycle_bin.due(timezone.now()).select_related("app", "branch", "claim")
    steps: list[Callable[[BinUpkeep], None]] = [partial(_finish_one, entry) for entry in entries]
    steps.append(_purge)
    for step in steps:
        try:
            step(result)
        except StoreError as error:
            result.problem = error.message
            if isinstance(error, STOPPING):
                break
    return result


def _finish_one(entry: BinEntry, result: BinUpkeep) -> None:
    result.finished += _claim(entry) and _finish(entry)


def _claim(entry: BinEntry) -> bool:
    """Return True if no other process finishes the entry now."""
    same = BinEntry.objects.filter(pk=entry.pk, due_at=entry.due_at, state=entry.state)
    return bool(same.update(due_at=timezone.now() + RETRY_AFTER))


def _finish(entry: BinEntry) -> bool:
    """Finish an entry. Return False if the outcome of its removal or restore isn't known yet."""
    if entry.state == BinState.FILLING:
        return _finish_removal(entry)
    if entry.state == BinState.RESTORING:
        return _finish_restore(entry)
    delete_copies([entry])
    _settle(entry, DELETED)
    return True


def _finish_removal(entry: BinEntry) -> bool:
    table: type[Secret | UnknownParameter] = UnknownParameter if entry.folder else Secret
    if table._default_manager.filter(claim=entry.removal_id).exists():
        return False  # the removal itself isn't settled
    copy = recycle_bin.path_of(entry, entry.app)
    paths = _paths(entry)
    found = parameter_store().current([*paths, copy])
    if _is_still_there(entry, [found[path] for path in paths if path in found]):
        _settle(entry, NOT_REMOVED)
        delete_copies([entry])
    elif copy in found:
        _settle(entry, IN_BIN)
        recycle_bin.keep([entry.pk])
    else:
        _settle(entry, NOT_COPIED)
        entry.delete()
    return True


def _paths(entry: BinEntry) -> list[str]:
    """Return the paths that the secret has, the primary first; none in the app's profile."""
    if entry.folder:
        return [entry.path]
    try:
        location = locate_secret(entry.app, entry.branch, entry.key)
    except InvalidPath:
        return []
    return [path for path in (location.primary, location.mirror) if path]


def _is_still_there(entry: BinEntry, found: Sequence[Parameter]) -> bool:
    """Return True if the store has exactly what was to be removed."""
    if not entry.version:
        return bool(found)
    return any((it.version, it.modified) == (entry.version, entry.modified) for it in found[:1])


def _settle(entry: BinEntry, detail: str, version: int | None = None) -> None:
    """Save the outcome of what was done with the entry, unless it is known."""
    known = AuditOutcome.objects.filter(event_id=entry.claim_id).exclude(outcome=Outcome.UNKNOWN)
    if not known.exists():
        conclude(entry.claim_id, Outcome.SETTLED, version_after=version, detail=detail)


def _finish_restore(entry: BinEntry) -> bool:
    """Keep the entry if the save of the restore wrote nothing; otherwise delete it."""
    claim = entry.claim
    if claim.action == Action.PARAMETER_RESTORED:
        _finish_parameter(entry)
        return True
    saves = AuditEvent.objects.filter(
        change_set=claim.change_set,
        app_id=claim.app_id,
        branch=claim.branch,
        subject=claim.subject,
        action__in=(Action.SECRET_CREATED, Action.SECRET_CHANGED),
        pk__gt=claim.pk,
    )
    save = with_outcomes(saves).first()
    if save and save.last_outcome in {None, Outcome.UNKNOWN}:
        return False
    was_saved = (
        save is not None
        and save.last_outcome in COMPLETED
        and save.version_after not in {None, save.version_before}
    )
    _end_restore(entry, was_saved=was_saved)
    return True


def _finish_parameter(entry: BinEntry) -> None:
    """Delete the entry of a restore that wrote the value to its path again; otherwise keep it."""
    copy = recycle_bin.path_of(entry, entry.app)
    found = parameter_store().read([entry.path, copy])
    there, kept = found.get(entry.path), found.get(copy)
    # Somebody else may have written another value there.
    was_saved = there is not None and kept is not None and there.value == kept.value
    version = there.parameter.version if was_saved and there else None
    _end_restore(entry, was_saved=was_saved, version=version)


def _end_restore(entry: BinEntry, *, was_saved: bool, version: int | None = None) -> None:
    _settle(entry, RESTORED if was_saved else NOT_RESTORED, version)
    if was_saved:
        delete_copies([entry])
    else:
        BinEntry.objects.filter(pk=entry.pk).update(state=BinState.KEPT, due_at=None)


def delete_copies(entries: Iterable[BinEntry]) -> None:
    """Delete the copies, then their entries. Raises StoreError."""
    going = [*entries]
    parameter_store().remove(recycle_bin.path_of(entry, entry.app) for entry in going)
    BinEntry.objects.filter(pk__in=[entry.pk for entry in going]).delete()


def _purge(result: BinUpkeep) -> None:
    """Delete app by app, because Branchkeep's identity may have other permissions in each."""
    problem: StoreError | None = None
    while entries := _claim_expired():
        events = [entry.claim_id for entry in entries]
        try:
            delete_copies(entries)
        except StoreError as error:
            conclude_all((event, Outcome.UNKNOWN, None, error.code) for event in events)
            if isinstance(error, STOPPING):
                raise
            problem = error
        else:
            conclude_all((event, Outcome.SUCCEEDED, None, "") for event in events)
            result.purged += len(entries)
    if problem:
        raise problem


@transaction.atomic(durable=True)
def _claim_expired() -> list[BinEntry]:
    """Record the deletion of expired entries of one app, at most BATCH, and return them."""
    now = timezone.now()
    rows = BinEntry.objects.filter(state=BinState.KEPT, expires_at__lte=now).order_by("pk")
    first = rows.values_list("app_id", flat=True).first()
    chosen = rows.filter(app=first).select_related("app")
    entries = list(chosen.select_for_update(of=("self",))[:BATCH])
    events = attempt_all(
        BACKGROUND,
        (
            (
                Action.BIN_PURGED,
                Target(entry.app.app_id, entry.scope, entry.path or entry.key),
                entry.version or None,
            )
            for entry in entries
        ),
        change_set=None,
    )
    for entry, event in zip(entries, events, strict=True):
        entry.state, entry.claim, entry.due_at = BinState.DELETING, event, now + RETRY_AFTER
    BinEntry.objects.bulk_update(entries, ["state", "claim", "due_at"])
    return entries
