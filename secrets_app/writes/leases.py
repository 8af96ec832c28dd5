"""Leases: rows are leased and their audit events committed before the store is called.

No transaction stays open across a call to SSM, so row locks can't order our own writers; leases do.
A lease lasts until no request of its write can still arrive, even if the response was lost or the
process was killed. Then the next writer of the row first settles the attempt. Only a lease whose
write provably never called the store ends earlier: its own actor can take it over.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access
from console.audit.events import Action, Attempt, attempt_all
from console.lib.clock import latest_end
from console.models import App, AuditEvent
from secrets_app.models import BinEntry, LeaseStage, Secret
from secrets_app.projection import (
    ExternalChange,
    mark_unfinished_mirror,
    mirror_may_have_changed,
    record_drift,
    update_primary_from_store,
    version_before,
)
from secrets_app.settling import settle_primary
from secrets_app.store.limits import LATEST_ARRIVAL, LONGEST_CALL
from secrets_app.writes.snapshots import Snapshot, audit_target

LONGEST_WRITE = 2 * LONGEST_CALL  # the primary, then the mirror
LEASE_DURATION = LONGEST_WRITE + LATEST_ARRIVAL


def is_running(until: datetime | None, now: datetime) -> bool:
    """Return True if a lease with this end has not expired."""
    return until is not None and now < until <= latest_end(now, LEASE_DURATION)


def is_expired(now: datetime) -> Q:
    """Return the condition of rows with a lease that has expired."""
    ended = Q(claimed_until__lte=now) | Q(claimed_until__gt=latest_end(now, LEASE_DURATION))
    return Q(claim__isnull=False) & ended


class Obstacle(Enum):
    """Why a row can't be leased."""

    LEASED = auto()  # by another writer, or a request of an earlier write may still arrive
    STALE = auto()  # one of our writers may have changed the row since the snapshot


def is_replacing(secret: Secret) -> bool:
    """Return True if a replacement was begun, which only `writes.encrypting` may settle.

    Prefetch the claim.
    """
    action = secret.claim.action if secret.claim else ""
    return action == Action.SECRET_ENCRYPTED and secret.claim_stage != LeaseStage.TAKEN


class NotLeased(Exception):
    """The row isn't leased, or no longer, so the store must not be called."""


@dataclass(frozen=True)
class Lease:
    """The right to write a row until the lease expires, and the audit event of the attempt.

    `mirror_is_open` is True if a write of ours has changed the mirror in a way we don't know.
    `modified` is the store's time of the version before. `entry` is what a removal leaves in the
    recycle bin.
    """

    secret: Secret
    event_id: int
    version_before: int
    acquired_at: datetime
    mirror_is_open: bool
    modified: datetime | None
    entry: BinEntry | None = None


def acquire(access: Access, action: Action, snapshot: Snapshot) -> Lease:
    """Do the same as `acquire_all` for one row. Raises NotLeased."""
    [lease] = acquire_all(access, [(action, snapshot, None)], change_set=None)
    if isinstance(lease, Obstacle):
        raise NotLeased
    return lease


@transaction.atomic(durable=True)
def acquire_all(
    access: Access,
    attempts: Sequence[tuple[Action, Snapshot, int | None]],
    *,
    change_set: uuid.UUID | None,
) -> list[Lease | Obstacle]:
    """Commit the audit events and lease the rows, which are created if they are new.

    An attempt is the action, the snapshot and the event that its value comes from, if any. Returns
    a lease or an obstacle for each row, in their order. Takes as many queries for many rows as for
    one.
    """
    now = timezone.now()
    rows = _lock_rows(access.app, [snapshot for _, snapshot, _ in attempts], now)
    obstacles = [
        _obstacle(row, snapshot, access.actor, now)
        for row, (_, snapshot, _) in zip(rows, attempts, strict=True)
    ]
    free = [
        (row, *attempt)
        for row, attempt, obstacle in zip(rows, attempts, obstacles, strict=True)
        if row is not None and obstacle is None
    ]
    leased = iter(_lease(access, free, change_set, now))
    return [obstacle or next(leased) for obstacle in obstacles]


def _lease(
    access: Access,
    rows: Sequence[tuple[Secret, Action, Snapshot, int | None]],
    change_set: uuid.UUID | None,
    now: datetime,
) -> list[Lease]:
    before = [_settle(secret, snapshot, now) for secret, _, snapshot, _ in rows]
    targets = [audit_target(access, it.target.branch, it.target.key) for _, _, it, _ in rows]
    found = [
        ExternalChange(drift, target, version or None, secret.version or None)
        for (secret, *_), target, (_, version, drift) in zip(rows, targets, before, strict=True)
        if drift
    ]
    if found:  # now: after our own write, reconciling can no longer find it
        record_drift(found)
    events = attempt_all(
        access.actor,
        (
            Attempt(action, target, snapshot.version, origin)
            for (_, action, snapshot, origin), target in zip(rows, targets, strict=True)
        ),
        change_set=change_set,
    )
    for (secret, *_), event in zip(rows, events, strict=True):
        secret.claim, secret.claimed_until = event, now + LEASE_DURATION
        secret.claim_stage = LeaseStage.TAKEN
    update_rows([secret for secret, *_ in rows])
    return [
        Lease(
            secret,
            event.pk,
            snapshot.version,
            now,
            is_open or mirror_may_have_changed(secret),
            snapshot.stored.modified if snapshot.stored else None,
        )
        for (secret, _, snapshot, _), event, (is_open, _, _) in zip(
            rows, events, before, strict=True
        )
    ]


def _settle(secret: Secret, snapshot: Snapshot, now: datetime) -> tuple[bool, int, Action | None]:
    """Settle the row's open attempt, and update it from the store.

    Returns whether that attempt may have written the mirror, the row's version before a change made
    outside, and that change.
    """
    has_open_attempt, before = secret.claim_id is not None, secret.version
    mirror_is_open = has_open_attempt and secret.claim_stage != LeaseStage.TAKEN
    settle_primary(secret, snapshot.stored)
    if has_open_attempt:
        mark_unfinished_mirror(secret, now, was_written=secret.version != before)
    settled = version_before(secret, snapshot.stored)
    return mirror_is_open, settled, update_primary_from_store(secret, snapshot.stored, now)


def update_rows(rows: Iterable[Secret]) -> None:
    """Save locked rows in one query.

    An upsert, because `bulk_update` takes a CASE for each column and row.
    """
    columns = [
        field.name
        for field in Secret._meta.concrete_fields
        if field.name not in {"id", "app", "branch", "key", "first_seen"}
    ]
    Secret.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=columns
    )


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
    """Record that the store is called from here on. Raises NotLeased."""
    until = timezone.now() + LEASE_DURATION
    row = Secret.objects.filter(pk=lease.secret.pk, claim_id=lease.event_id)
    if not row.update(claim_stage=LeaseStage.CALLED, claimed_until=until):
        raise NotLeased


def lock(leases: Iterable[Lease]) -> set[int]:
    """Lock the leased rows until the transaction ends, and return their ids.

    Replaces `mark_called` for a store in the same transaction: a killed process leaves nothing
    there.
    """
    events = [lease.event_id for lease in leases]
    rows = Secret.objects.select_for_update().filter(claim_id__in=events).order_by("pk")
    return set(rows.values_list("pk", flat=True))


def _lock_rows(app: App, snapshots: Sequence[Snapshot], now: datetime) -> list[Secret | None]:
    """Return the rows of the snapshots, locked. None for one that was removed since.

    Writers insert and lock rows in the same order, so that none waits for another in a circle.
    """
    targets = [snapshot.target for snapshot in snapshots if snapshot.secret is None]
    new = [Secret(app=app, branch=it.branch, key=it.key, touched_at=now) for it in targets]
    if new:  # two writers may create one at the same moment; both then lock the one row
        new.sort(key=lambda row: (row.branch_id or 0, row.key))
        Secret.objects.bulk_create(new, ignore_conflicts=True)
    chosen = [Q(pk__in=[snapshot.secret.pk for snapshot in snapshots if snapshot.secret])]
    chosen += [Q(app=app, branch=row.branch, key=row.key) for row in new]
    found = Secret.objects.filter(reduce(or_, chosen)).select_related("claim").order_by("pk")
    rows = list(found.select_for_update(of=("self",)))
    by_pk = {row.pk: row for row in rows}
    by_key = {(row.branch_id, row.key): row for row in rows}
    return [
        by_pk.get(it.secret.pk) if it.secret else by_key.get(it.target.scoped_key)
        for it in snapshots
    ]


def _obstacle(
    secret: Secret | None, snapshot: Snapshot, actor: Actor, now: datetime
) -> Obstacle | None:
    if secret is None:  # a removal ended between the snapshot and the lock
        return Obstacle.STALE
    if is_replacing(secret):
        return Obstacle.LEASED
    if is_running(secret.claimed_until, now) and not is_taken_by(secret, actor):
        return Obstacle.LEASED
    return Obstacle.STALE if _may_be_stale(secret, snapshot, now) else None


def _may_be_stale(secret: Secret, snapshot: Snapshot, now: datetime) -> bool:
    """Return True if one of our writers may have written the row since the snapshot."""
    before: tuple[datetime, int | None] = (now, None)  # what _lock_rows gives a new row
    if snapshot.secret:
        before = (snapshot.secret.touched_at, snapshot.secret.claim_id)
    # A lease whose writer never called the store can't have changed anything.
    was_called = secret.claim_stage != LeaseStage.TAKEN
    was_leased = was_called and is_running(secret.claimed_until, snapshot.at)
    return (secret.touched_at, secret.claim_id) != before or was_leased
