"""Move parameters that belong to no known branch to the recycle bin, as safely as secrets.

Such a parameter has no row in the projection of secrets, so its own row is claimed while it is
removed. The claim lasts until no request can still arrive (docs/adr/0047).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from console.access import acts
from console.access.policy import Access, Permission
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all
from console.audit.refusals import record_refusal
from console.environment.removal import Removal
from console.lib.results import Result
from secrets_app import revisions
from secrets_app.models import UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.store.errors import OutcomeUnknown, StoreError
from secrets_app.store.limits import BATCH, LATEST_ARRIVAL
from secrets_app.sync import unknown, unknown_copies
from secrets_app.sync.adopting import Group, groups
from secrets_app.sync.unknown_copies import Claimed, Filled
from secrets_app.writes import leases
from secrets_app.writes.bin_copies import NotCopied

_TOKEN = re.compile(r"([1-9][0-9]{0,14}):", re.ASCII)

CHANGED = "It changed after you opened the page. Open the page again, then decide."
IN_USE = "It belongs to a branch of this app now. Remove it under Secrets."
ALREADY_GONE = "It was already removed from the store."
NEVER = "Branchkeep never removes parameters of this kind. Remove it where it was made."
HELD = "An earlier removal may still reach the parameter store. Try again after {:%H:%M:%S} UTC."


def token(row: UnknownParameter) -> str:
    """Return what names a parameter in a form, in the state that was shown."""
    return f"{row.pk}:{revisions.base(row.version, row.modified, None)}"


def remove(
    *, access: Access, tokens: Collection[str], change_set: UUID, without_copy: bool = False
) -> list[Removal]:
    """Remove parameters that belong to no known branch, ten per call of the store.

    Their values go to the recycle bin first; what can't be kept there is removed only
    `without_copy`. Each is an audit event. One that has changed since, or that Branchkeep never
    touches, stays. Raises PermissionDenied, or StoreError if the store can't be read.
    """
    if not access.may(Permission.MANAGE):
        record_refusal(access.actor, Action.PARAMETER_REMOVED, Target(access.app.app_id))
    acts.require(access, Action.PARAMETER_REMOVED)
    store, app = parameter_store(), access.app
    ids = {int(match[1]) for match in map(_TOKEN.match, tokens) if match}
    unknown.settle(app, store, [*_free(app.unknown_parameters.filter(pk__in=ids))])
    groups_by_row = {row.pk: group for group in groups(access) for row in group.parameters}
    rows = [*app.unknown_parameters.filter(pk__in=ids).order_by("folder", "key")]
    stored = store.current(row.path for row in rows)
    removals, ready = [], []
    for row in rows:
        if problem := _problem(row, groups_by_row.get(row.pk), stored.get(row.path), tokens):
            removals.append(_removal(row, *problem))
        elif not without_copy and (question := unknown_copies.question(app, row.key)):
            removals.append(_removal(row, Result.REFUSED, question, asks=True))
        else:
            ready.append((row, groups_by_row[row.pk].fit.branch))
    for start in range(0, len(ready), BATCH):
        batch = ready[start : start + BATCH]
        claimed = _claim(access, batch, change_set, without_copy=without_copy)
        taken = {it.row.pk for it in claimed}
        removals += [
            _removal(row, Result.CONFLICT, CHANGED) for row, _ in batch if row.pk not in taken
        ]
        removals += _remove(store, claimed) if claimed else []
    return removals


def _removal(
    row: UnknownParameter, outcome: Result, message: str = "", *, asks: bool = False
) -> Removal:
    return Removal(row.path, outcome, message, asks, str(row.pk))


def _problem(
    row: UnknownParameter, group: Group | None, stored: Parameter | None, tokens: Collection[str]
) -> tuple[Result, str] | None:
    """Return why a parameter can't be removed, or None."""
    if leases.is_running(row.claimed_until, timezone.now()) and row.claimed_until:
        return Result.HELD, HELD.format(row.claimed_until)
    if group is None:
        return Result.CONFLICT, IN_USE
    if not group.is_removable:
        return Result.REFUSED, NEVER
    shown = (row.version, row.modified)
    if token(row) not in tokens or (stored and (stored.version, stored.modified) != shown):
        return Result.CONFLICT, CHANGED
    return None


def _remove(store: ParameterStore, claimed: Sequence[Claimed]) -> list[Removal]:
    """Copy the values of claimed rows, then call the store once to remove them."""
    filled = Filled()
    try:
        with store.shared_transaction():
            if not _mark_called(claimed):
                return [_removal(it.row, Result.HELD, CHANGED) for it in claimed]
            filled = unknown_copies.fill(store, claimed)
            # Copying took a while, and somebody may have settled the claims by now.
            if not _mark_called(filled.going):
                return [_removal(it.row, Result.HELD, CHANGED) for it in claimed]
            removed = store.remove(it.row.path for it in filled.going)
            _commit(filled.going, removed)
    except OutcomeUnknown as error:
        going = filled.going or claimed
        _hold(going, error)
        outcomes = [_removal(it.row, Result.UNKNOWN, error.message) for it in going]
    except StoreError as error:
        going = filled.going or claimed
        _release(going, error.code)
        outcomes = [_removal(it.row, Result.FAILED, error.message) for it in going]
    else:
        outcomes = [_removal(it.row, Result.REMOVED) for it in filled.going]
    return [*outcomes, *_release_staying(filled)]


@transaction.atomic(durable=True)
def _claim(
    access: Access,
    rows: Sequence[tuple[UnknownParameter, str]],
    change_set: UUID,
    *,
    without_copy: bool,
) -> list[Claimed]:
    """Commit the audit events, and claim the rows that are still as they were read."""
    shown = {(row.pk, row.version, row.modified): (row, branch) for row, branch in rows}
    locked = UnknownParameter.objects.select_for_update().filter(
        pk__in=[row.pk for row, _ in rows], claim=None
    )
    found = [shown.get((row.pk, row.version, row.modified)) for row in locked.order_by("pk")]
    free = [one for one in found if one]
    attempts = (
        (
            Action.PARAMETER_REMOVED,
            Target(access.app.app_id, branch=branch, subject=row.path),
            row.version,
        )
        for row, branch in free
    )
    events = attempt_all(access.actor, attempts, change_set=change_set)
    for (row, _), event in zip(free, events, strict=True):
        row.claim, row.claimed_until = event, timezone.now() + leases.LEASE_DURATION
        row.save(update_fields=["claim", "claimed_until"])
    claimed = [Claimed(*one, event) for one, event in zip(free, events, strict=True)]
    return claimed if without_copy or not claimed else unknown_copies.begin(access, claimed)


def _rows_of(claimed: Iterable[Claimed]) -> QuerySet[UnknownParameter]:
    """Return the rows that the claims still hold."""
    return UnknownParameter.objects.filter(claim__in=[it.event.pk for it in claimed])


def _mark_called(claimed: Sequence[Claimed]) -> bool:
    """Renew the claims. Return False if one was settled: then the store must not be called."""
    until = timezone.now() + leases.LEASE_DURATION
    return _rows_of(claimed).update(claimed_until=until) == len(claimed)


@transaction.atomic(savepoint=False)
def _commit(claimed: Sequence[Claimed], removed: Collection[str]) -> None:
    conclude_all(
        (it.event.pk, Outcome.SUCCEEDED, None, "" if it.row.path in removed else ALREADY_GONE)
        for it in claimed
    )
    conclude_all(unknown_copies.conclusions(claimed, is_removed=True))
    _rows_of(claimed).delete()


@transaction.atomic(durable=True)
def _hold(claimed: Sequence[Claimed], error: OutcomeUnknown) -> None:
    """Commit that the outcome is unknown, and hold the rows until no request can arrive."""
    conclude_all((it.event.pk, Outcome.UNKNOWN, None, error.code) for it in claimed)
    conclude_all(unknown_copies.conclusions(claimed, is_open=True))
    _rows_of(claimed).update(claimed_until=timezone.now() + LATEST_ARRIVAL)


@transaction.atomic(durable=True)
def _release(claimed: Sequence[Claimed], code: str) -> None:
    """Commit that nothing was removed."""
    conclude_all((it.event.pk, Outcome.FAILED, None, code) for it in claimed)
    conclude_all(unknown_copies.conclusions(claimed, detail=code))
    _rows_of(claimed).update(claim=None, claimed_until=None)


def _release_staying(filled: Filled) -> Iterator[Removal]:
    """Release what has no copy, and yield why."""
    for it, reason in filled.staying:
        if isinstance(reason, NotCopied):
            _release([it], reason.code)
            yield _removal(it.row, Result.REFUSED, reason.question, asks=True)
        else:
            _release([it], "conflict")
            yield _removal(it.row, Result.CONFLICT, CHANGED)


def _free(rows: Iterable[UnknownParameter]) -> Iterator[UnknownParameter]:
    """Yield the rows without a running claim."""
    now = timezone.now()
    return (row for row in rows if not leases.is_running(row.claimed_until, now))
