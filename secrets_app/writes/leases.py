"""Leases: a row is leased and its audit event committed before the store is called.

No transaction stays open across a call to SSM, so row locks can't order our own writers; leases do.
A lease lasts until no request of its write can still arrive, even if the response was lost or the
process was killed. Then the next writer of the row first settles the attempt. Only a lease whose
write provably never called the store ends earlier: its own actor can take it over.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.lib.clock import latest_end
from console.models import App, AuditEvent
from secrets_app.models import LeaseStage, Secret
from secrets_app.projection import (
    ExternalChange,
    mark_unfinished_mirror,
    mirror_may_have_changed,
    record_drift,
    update_primary_from_store,
)
from secrets_app.settling import settle_primary
from secrets_app.store.base import Parameter, Written
from secrets_app.store.limits import LATEST_ARRIVAL, LONGEST_CALL
from secrets_app.writes.snapshots import Snapshot, audit_target

LONGEST_WRITE = 2 * LONGEST_CALL  # the primary, then the mirror
LEASE_DURATION = LONGEST_WRITE + LATEST_ARRIVAL
LEASE_FIELDS = ["claim", "claimed_until", "claim_stage"]


def is_running(until: datetime | None, now: datetime) -> bool:
    """Return True if a lease with this end has not expired."""
    return until is not None and now < until <= latest_end(now, LEASE_DURATION)


def is_expired(now: datetime) -> Q:
    """Return the condition of rows with a lease that has expired."""
    ended = Q(claimed_until__lte=now) | Q(claimed_until__gt=latest_end(now, LEASE_DURATION))
    return Q(claim__isnull=False) & ended


class RowLeased(Exception):
    """Another writer holds the row's lease, or a request of an earlier write may still arrive."""


class LeaseLost(Exception):
    """The lease was taken over before the store was called, so it must not be called."""


class StaleSnapshot(Exception):
    """One of our writers may have changed the row after the snapshot: take another one."""


@dataclass(frozen=True)
class Lease:
    """The right to write a row until the lease expires, and the audit event of the attempt.

    `mirror_is_open` is True if a write of ours has changed the mirror in a way we don't know.
    """

    secret: Secret
    event_id: int
    version_before: int
    acquired_at: datetime
    mirror_is_open: bool


@transaction.atomic(durable=True)
def acquire(
    access: Access, action: Action, snapshot: Snapshot, *, change_set: uuid.UUID | None = None
) -> Lease:
    """Commit the audit event and lease the row, which is created if it is new.

    Raises RowLeased or StaleSnapshot.
    """
    now = timezone.now()
    secret = _lock_row(access.app, snapshot, now)
    if is_running(secret.claimed_until, now) and not is_taken_by(secret, access.actor):
        raise RowLeased
    if _may_be_stale(secret, snapshot, now):
        raise StaleSnapshot
    target = audit_target(access, snapshot.target.branch, snapshot.target.key)
    has_open_attempt, before = secret.claim_id is not None, secret.version
    mirror_is_open = has_open_attempt and secret.claim_stage != LeaseStage.TAKEN
    settle_primary(secret, snapshot.stored)
    if has_open_attempt:
        mark_unfinished_mirror(secret, now, was_written=secret.version != before)
    has_drift = _record_drift(secret, snapshot.stored, target, now)
    event = attempt(
        access.actor, action, target, change_set=change_set, version_before=snapshot.version
    )
    secret.claim, secret.claimed_until = event, now + LEASE_DURATION
    secret.claim_stage = LeaseStage.TAKEN
    changed_more = has_open_attempt or has_drift
    secret.save(update_fields=None if changed_more else LEASE_FIELDS)
    mirror_is_open = mirror_is_open or mirror_may_have_changed(secret)
    return Lease(secret, event.pk, snapshot.version, now, mirror_is_open)


def is_taken_by(secret: Secret, actor: Actor) -> bool:
    """Return True if the actor has leased the row, and the store was not called.

    The lease is marked before the call, so it can't be called later either, once someone else has
    the lease.
    """
    is_not_called = secret.claim_stage == LeaseStage.TAKEN
    return is_not_called and secret.claim is not None and is_own(secret.claim, actor)


def is_own(event: AuditEvent, actor: Actor) -> bool:
    """Return True if this user made the attempt, in the browser or by a command."""
    return event.actor_id is not None and event.actor_id == actor.user_id


def mark_called(lease: Lease) -> None:
    """Record that the store is called from here on. Raises LeaseLost if the row isn't leased."""
    until = timezone.now() + LEASE_DURATION
    row = Secret.objects.filter(pk=lease.secret.pk, claim_id=lease.event_id)
    if not row.update(claim_stage=LeaseStage.CALLED, claimed_until=until):
        raise LeaseLost


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
    # A lease whose writer never called the store can't have changed anything.
    was_called = secret.claim_stage != LeaseStage.TAKEN
    was_leased = was_called and is_running(secret.claimed_until, snapshot.at)
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

    If the outcome is unknown, the row stays leased until no request can still arrive, and is
    settled then. If someone settled it already, nothing stays open.
    """
    if outcome is Outcome.UNKNOWN:
        held = _leased_row(lease).update(**_until_arrival(LeaseStage.LOST))
        conclude(lease.event_id, outcome if held else Outcome.SETTLED, detail=detail)
        return
    conclude(lease.event_id, outcome, detail=detail)
    _update_and_release(_leased_row(lease), lease)
    # A creation that did not happen leaves no row behind.
    Secret.objects.filter(
        pk=lease.secret.pk, version=0, mirror_version=0, gone_at=None, claim=None
    ).delete()


@transaction.atomic(savepoint=False)
def commit_write(
    lease: Lease,
    written: Written,
    mirror: Written | None,
    *,
    held_as: LeaseStage | None,
    detail: str,
    **columns: Any,
) -> datetime:
    """Save the outcome of a write, and of its mirror's if that was written too.

    With `held_as`, another request may still arrive, so the row stays leased until then.
    `columns` are those of the row that the store doesn't know, such as `changed_by`. Returns the
    row's new `changed_at`.
    """
    now, version = timezone.now(), written.version
    conclude(lease.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    mirror_fields = _mirror_fields(version, mirror.version) if mirror else {}
    _update_and_release(
        _leased_row(lease, if_settled=Q(version__lte=version)),
        lease,
        held_as,
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
def commit_mirror(
    lease: Lease, version: int, mirror_version: int, *, held_as: LeaseStage | None, detail: str
) -> None:
    """Commit that primary and mirror are known to hold the same value."""
    conclude(lease.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    row = _leased_row(lease, if_settled=Q(changed_at__lte=lease.acquired_at))
    updates: dict[str, Any] = {"modified": None, "answered_at": None, "gone_at": None}
    updates |= _mirror_fields(version, mirror_version)
    _update_and_release(row, lease, held_as, version=version, **updates)


@transaction.atomic(durable=True)
def leave_mirror(lease: Lease, detail: str) -> None:
    """Commit that the mirror is someone else's, so that it is drift and no longer due."""
    conclude(lease.event_id, Outcome.FAILED, detail=detail)
    _update_and_release(_leased_row(lease), lease, mirror_of=0, mirror_due_at=None)


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
    return {
        "mirror_version": mirror_version,
        "mirror_of": version,
        "mirror_modified": None,
        "mirror_due_at": None,
    }


def _update_and_release(
    row: QuerySet[Secret], lease: Lease, held_as: LeaseStage | None = None, **updates: Any
) -> None:
    """Update the row and end its lease, or hold it until no request can still arrive."""
    columns = dict.fromkeys(("claim", "claimed_until"), None) | {"claim_stage": ""}
    if held_as:
        columns = {"claim": lease.event_id, **_until_arrival(held_as)}
    row.update(**{"touched_at": timezone.now(), **columns, **updates})


def _until_arrival(stage: LeaseStage) -> dict[str, Any]:
    """Return the columns of a lease that lasts until no request can still arrive."""
    now = timezone.now()
    return {"claim_stage": stage, "claimed_until": now + LATEST_ARRIVAL, "touched_at": now}
