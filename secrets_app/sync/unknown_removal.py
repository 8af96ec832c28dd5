"""Remove parameters that belong to no known branch, with the safety of other removals.

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
from console.models import AuditEvent
from secrets_app import revisions
from secrets_app.models import UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.store.errors import OutcomeUnknown, StoreError
from secrets_app.store.limits import BATCH, LATEST_ARRIVAL
from secrets_app.sync import unknown
from secrets_app.sync.adopting import Group, groups
from secrets_app.writes import leases

_TOKEN = re.compile(r"([1-9][0-9]{0,14}):", re.ASCII)

CHANGED = "It changed after you opened the page. Open the page again, then decide."
IN_USE = "It belongs to a branch of this app now. Remove it under Secrets."
ALREADY_GONE = "It was already removed from the store."
NEVER = "Branchkeep never removes parameters of this kind. Remove it where it was made."
HELD = "An earlier removal may still reach the parameter store. Try again after {:%H:%M:%S} UTC."


def token(row: UnknownParameter) -> str:
    """Return what names a parameter in a form, in the state that was shown."""
    return f"{row.pk}:{revisions.base(row.version, row.modified, None)}"


def remove(*, access: Access, tokens: Collection[str], change_set: UUID) -> list[Removal]:
    """Remove parameters that belong to no known branch, ten per call of the store.

    Each is an audit event. One that has changed since, or that Branchkeep never touches, stays.
    Raises PermissionDenied, or StoreError if the store can't be read.
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
            removals.append(Removal(row.path, *problem))
        else:
            ready.append((row, groups_by_row[row.pk].fit.branch))
    for start in range(0, len(ready), BATCH):
        removals += _remove(access, store, ready[start : start + BATCH], change_set)
    return removals


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


def _remove(
    access: Access,
    store: ParameterStore,
    rows: Sequence[tuple[UnknownParameter, str]],
    change_set: UUID,
) -> list[Removal]:
    """Claim the rows, commit their audit events, then call the store once."""
    claimed = _claim(access, rows, change_set)
    paths = [row.path for row, _ in claimed]
    try:
        with store.shared_transaction():
            if not _mark_called(claimed):
                return [Removal(path, Result.HELD, CHANGED) for path in paths]
            removed = store.remove(paths)
            _commit(claimed, removed)
    except OutcomeUnknown as error:
        _hold(claimed, error)
        return [Removal(path, Result.UNKNOWN, error.message) for path in paths]
    except StoreError as error:
        _release(claimed, error)
        return [Removal(path, Result.FAILED, error.message) for path in paths]
    return [Removal(path, Result.REMOVED, "") for path in paths]


Claimed = Sequence[tuple[UnknownParameter, AuditEvent]]


@transaction.atomic(durable=True)
def _claim(
    access: Access, rows: Sequence[tuple[UnknownParameter, str]], change_set: UUID
) -> Claimed:
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
    return [(row, event) for (row, _), event in zip(free, events, strict=True)]


def _rows_of(claimed: Claimed) -> QuerySet[UnknownParameter]:
    """Return the rows that the claims still hold."""
    return UnknownParameter.objects.filter(claim__in=[event.pk for _, event in claimed])


def _mark_called(claimed: Claimed) -> bool:
    """Renew the claims. Return False if one was settled: then the store must not be called."""
    until = timezone.now() + leases.LEASE_DURATION
    return _rows_of(claimed).update(claimed_until=until) == len(claimed)


@transaction.atomic(savepoint=False)
def _commit(claimed: Claimed, removed: Collection[str]) -> None:
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, None, "" if row.path in removed else ALREADY_GONE)
        for row, event in claimed
    )
    _rows_of(claimed).delete()


@transaction.atomic(durable=True)
def _hold(claimed: Claimed, error: OutcomeUnknown) -> None:
    """Commit that the outcome is unknown, and hold the rows until no request can arrive."""
    conclude_all((event.pk, Outcome.UNKNOWN, None, error.code) for _, event in claimed)
    _rows_of(claimed).update(claimed_until=timezone.now() + LATEST_ARRIVAL)


@transaction.atomic(durable=True)
def _release(claimed: Claimed, error: StoreError) -> None:
    conclude_all((event.pk, Outcome.FAILED, None, error.code) for _, event in claimed)
    _rows_of(claimed).update(claim=None, claimed_until=None)


def _free(rows: Iterable[UnknownParameter]) -> Iterator[UnknownParameter]:
    """Yield the rows without a running claim."""
    now = timezone.now()
    return (row for row in rows if not leases.is_running(row.claimed_until, now))
