"""Leases: a row is leased and its audit event committed before the store is called.

No transaction stays open across a call to SSM, so row locks can't order our own writers; leases do.
A lease expires, so a killed process blocks nobody: the next writer of the row first settles the
attempt that the expired lease left open.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from console.access.policy import Access
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.models import App
from secrets_app.models import Secret
from secrets_app.projection import ExternalChange, record_drift, settle, update_primary_from_store
from secrets_app.store.base import Parameter, Written
from secrets_app.writes.snapshots import Snapshot, audit_target

LEASE_DURATION = timedelta(seconds=30)  # longer than any store call with its retries


class RowLeased(Exception):
    """Another writer holds the row's lease."""


class StaleSnapshot(Exception):
    """One of our writers may have changed the row after the snapshot: take another one."""


@dataclass(frozen=True)
class Lease:
    """The right to write a row until the lease expires, and the audit event of the attempt."""

    secret: Secret
    event_id: int
    version_before: int
    acquired_at: datetime


@transaction.atomic(durable=True)
def acquire(
    access: Access, action: Action, snapshot: Snapshot, *, change_set: uuid.UUID | None = None
) -> Lease:
    """Commit the audit event and lease the row, which is created if it is new.

    Raises RowLeased or StaleSnapshot.
    """
    now = timezone.now()
    secret = _lock_row(access.app, snapshot, now)
    if secret.claimed_until and secret.claimed_until > now:
        raise RowLeased
    if _may_be_stale(secret, snapshot, now):
        raise StaleSnapshot
    target = audit_target(access, snapshot.target.branch, snapshot.target.key)
    has_expired_lease = secret.claim_id is not None
    settle(secret, snapshot.version)
    has_drift = _record_drift(secret, snapshot.stored, target, now)
    event = attempt(
        access.actor, action, target, change_set=change_set, version_before=snapshot.version
    )
    secret.claim, secret.claimed_until = event, now + LEASE_DURATION
    changed_more = has_expired_lease or has_drift
    secret.save(update_fields=None if changed_more else ["claim", "claimed_until"])
    return Lease(secret, event.pk, snapshot.version, now)


def _lock_row(app: App, snapshot: Snapshot, now: datetime) -> Secret:
    if snapshot.secret is None:
        target = snapshot.target
        row: dict[str, Any] = {"app": app, "branch": target.branch, "key": target.key}
        # Two writers may create it at the same moment; both then lock the one row.
        Secret.objects.bulk_create([Secret(**row, touched_at=now)], ignore_conflicts=True)
    else:
        row = {"pk": snapshot.secret.pk}
    for secret in Secret.objects.select_for_update().filter(**row):
        return secret
    raise StaleSnapshot  # a removal ended between the snapshot and the lock


def _may_be_stale(secret: Secret, snapshot: Snapshot, now: datetime) -> bool:
    """Return True if one of our writers may have written the row since the snapshot."""
    before: tuple[datetime, int | None] = (now, None)  # what _lock_row gives a new row
    if snapshot.secret:
        before = (snapshot.secret.touched_at, snapshot.secret.claim_id)
    was_leased = secret.claimed_until is not None and secret.claimed_until > snapshot.at
    return (secret.touched_at, secret.claim_id) != before or was_leased


def _record_drift(secret: Secret, stored: Parameter | None, target: Target, now: datetime) -> bool:
    """Record a change made outside, and return True if there was one.

    It has to be now: after our own write, reconciling can no longer find it.
    """
    before = secret.version
    action = update_primary_from_store(secret, stored, now)
    if action:
        record_drift([ExternalChange(action, target, before or None, secret.version or None)])
    return bool(action)


@transaction.atomic(durable=True)
def release(lease: Lease, outcome: Outcome, *, detail: str = "") -> None:
    """Commit the outcome of an attempt that is not known to have written, and release the row.

    If the outcome is unknown, the row keeps the lease, expired, so that reconciling settles it. If
    someone settled it already, nothing stays open.
    """
    if outcome is Outcome.UNKNOWN:
        now = timezone.now()
        held = _leased_row(lease).update(claimed_until=now, touched_at=now)
        conclude(lease.event_id, outcome if held else Outcome.SETTLED, detail=detail)
        return
    conclude(lease.event_id, outcome, detail=detail)
    _update_and_release(_leased_row(lease))
    # A creation that did not happen leaves no row behind.
    Secret.objects.filter(
        pk=lease.secret.pk, version=0, mirror_version=0, gone_at=None, claim=None
    ).delete()


@transaction.atomic(savepoint=False)
def commit_write(
    lease: Lease, written: Written, mirror: Written | None, *, detail: str, **columns: Any
) -> datetime:
    """Save the outcome of a write, and of its mirror's if that was written too.

    `columns` are those of the row that the store doesn't know, such as `changed_by`. Returns the
    row's new `changed_at`.
    """
    now, version = timezone.now(), written.version
    conclude(lease.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    mirror_fields = _mirror_fields(version, mirror.version) if mirror else {}
    _update_and_release(
        _leased_row(lease, if_settled=Q(version__lte=version)),
        version=version,
        modified=None,  # only a listing returns the store's time
        answered_at=(mirror or written).at,
        changed_at=now,
        gone_at=None,
        **mirror_fields,
        **columns,
    )
    return now


@transaction.atomic(durable=True)
def commit_mirror(lease: Lease, version: int, mirror_version: int, detail: str) -> None:
    """Commit that primary and mirror are known to hold the same value."""
    conclude(lease.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    row = _leased_row(lease, if_settled=Q(changed_at__lte=lease.acquired_at))
    updates = {"modified": None, "answered_at": None, "gone_at": None}
    _update_and_release(row, version=version, **updates, **_mirror_fields(version, mirror_version))


@transaction.atomic(savepoint=False)
def commit_removal(lease: Lease, detail: str) -> None:
    """Save that the secret was removed, and delete its row."""
    conclude(lease.event_id, Outcome.SUCCEEDED, detail=detail)
    _leased_row(lease, if_settled=Q(changed_at__lte=lease.acquired_at)).delete()


def _leased_row(lease: Lease, *, if_settled: Q | None = None) -> QuerySet[Secret]:
    """Return the row while the lease holds it.

    A slow writer's lease may have expired and been settled. If the row is not leased again and
    matches `if_settled`, what the slow writer knows is still the newer state.
    """
    holds = Q(claim_id=lease.event_id)
    if if_settled is not None:
        holds |= Q(claim=None) & if_settled
    return Secret.objects.filter(holds, pk=lease.secret.pk)


def _mirror_fields(version: int, mirror_version: int) -> dict[str, Any]:
    return {"mirror_version": mirror_version, "mirror_of": version, "mirror_modified": None}


def _update_and_release(row: QuerySet[Secret], **updates: Any) -> None:
    row.update(claim=None, claimed_until=None, touched_at=timezone.now(), **updates)
