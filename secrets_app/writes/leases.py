"""One row at a time: claim and attempt before the store is called, outcome and projection after.

No transaction stays open across a call of SSM. A claim keeps our own writers apart; it expires, so
that a killed process blocks nobody, and whoever meets an expired claim settles its attempt first.
What the store answered before the claim may be old by then: a claim fails that is taken on a look
at a row that one of ours wrote since.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from console.access.policy import Access
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.models import App, Branch, scope_name
from secrets_app import revisions
from secrets_app.models import Secret
from secrets_app.projection import Found, is_replaced, observe_primary, record_found, settle
from secrets_app.store.base import Parameter, ParameterStore, Written

CLAIM = timedelta(seconds=30)  # longer than any store call with its retries


class Busy(Exception):
    """Somebody else's write to this row is under way."""


class Stale(Exception):
    """Somebody wrote this row since it was looked at: look again."""


@dataclass(frozen=True)
class Spot:
    """A secret that is about to be written, and the path that counts."""

    branch: Branch | None
    key: str
    path: str


@dataclass(frozen=True)
class Look:
    """What the console knew of a spot, and then what the store holds there."""

    spot: Spot
    secret: Secret | None
    stored: Parameter | None
    at: datetime

    @property
    def version(self) -> int:
        """The version that the store holds; 0 is none."""
        return self.stored.version if self.stored else 0

    @property
    def is_replaced(self) -> bool:
        """Say whether someone outside removed it and added another, of the version that we know."""
        if self.secret is None or self.stored is None or self.secret.version != self.version:
            return False
        return is_replaced(self.secret, self.secret.modified, self.stored.modified)

    @property
    def life(self) -> int | None:
        """What tells it from another of the same version, added after this one's removal."""
        return revisions.in_store(self.stored.modified) if self.stored else None

    def is_still(self, version: int, life: int | None) -> bool:
        """Return True if the store holds what a page showed.

        Its `life` (`secrets_app.revisions`) may be one that no check had seen: then nothing of it
        may have been noted since, nor be to note.
        """
        if version != self.version:
            return False
        if life is None:
            return not self.is_replaced
        return life == self.life or (life == self._as_written and not self.is_replaced)

    @property
    def _as_written(self) -> int | None:
        row = self.secret
        if row is None or row.changed_at is None or row.version != self.version:
            return None
        return revisions.as_written(row.changed_at)


@dataclass(frozen=True)
class Claimed:
    """A row that is ours to write until the claim expires."""

    secret: Secret
    event_id: int
    base: int
    at: datetime


def target_of(access: Access, branch: Branch | None, key: str) -> Target:
    """Return how the audit trail names a secret."""
    return Target(access.app.app_id, scope_name(branch), key)


def look(
    store: ParameterStore,
    app: App,
    spots: Sequence[Spot],
    known: Collection[Secret] = (),
    since: datetime | None = None,
) -> list[Look]:
    """Look at rows, then at the store: one read per ten. Raises StoreError.

    `known` are the rows of all spots, where they have just been read, not before `since`.
    """
    at = since or timezone.now()
    keys = {spot.key for spot in spots}
    secrets = {(row.branch_id, row.key): row for row in known or app.secrets.filter(key__in=keys)}
    stored = store.current(spot.path for spot in spots)
    return [
        Look(
            spot,
            secrets.get((spot.branch.pk if spot.branch else None, spot.key)),
            stored.get(spot.path),
            at,
        )
        for spot in spots
    ]


@transaction.atomic(durable=True)
def claim(
    access: Access, action: Action, seen: Look, *, change_set: uuid.UUID | None = None
) -> Claimed:
    """Commit the attempt and take the row, making it where it is new. Raises Busy or Stale."""
    now = timezone.now()
    branch, key = seen.spot.branch, seen.spot.key
    secret = _locked(access.app, seen, now)
    if secret.claimed_until and secret.claimed_until > now:
        raise Busy
    if _written_since(secret, seen, now):
        raise Stale
    target = target_of(access, branch, key)
    other = secret.claim_id is not None
    settle(secret, seen.version)
    other |= _notice(secret, seen.stored, target, now)
    event = attempt(
        access.actor, action, target, change_set=change_set, version_before=seen.version
    )
    secret.claim, secret.claimed_until = event, now + CLAIM
    secret.save(update_fields=None if other else ["claim", "claimed_until"])
    return Claimed(secret, event.pk, seen.version, now)


def _locked(app: App, seen: Look, now: datetime) -> Secret:
    if seen.secret is None:
        spot: dict[str, Any] = {"app": app, "branch": seen.spot.branch, "key": seen.spot.key}
        Secret.objects.bulk_create([Secret(**spot, touched_at=now)], ignore_conflicts=True)
    else:
        spot = {"pk": seen.secret.pk}
    for secret in Secret.objects.select_for_update().filter(**spot):
        return secret
    raise Stale  # it was there, and its removal has ended meanwhile


def _written_since(secret: Secret, seen: Look, now: datetime) -> bool:
    """Say whether one of ours wrote the row, or may have, after the store was looked at."""
    before = (seen.secret.touched_at, seen.secret.claim_id) if seen.secret else (now, None)
    unsettled = secret.claimed_until is not None and secret.claimed_until > seen.at
    return (secret.touched_at, secret.claim_id) != before or unsettled


def _notice(secret: Secret, stored: Parameter | None, target: Target, now: datetime) -> bool:
    """Record what someone outside wrote: after our own write no check could find it any more.

    Returns whether there was anything.
    """
    before = secret.version
    action = observe_primary(secret, stored, now)
    if action:
        record_found([Found(action, target, before or None, secret.version or None)])
    return bool(action)


@transaction.atomic(durable=True)
def finish(claimed: Claimed, outcome: Outcome, *, detail: str = "") -> None:
    """Commit how an attempt ended that wrote nothing, and let go of the row.

    An unknown outcome keeps its claim, expired, so that the next check settles it; where somebody
    has settled it before its own end came, there is nothing left open.
    """
    if outcome is Outcome.UNKNOWN:
        now = timezone.now()
        held = _row(claimed).update(claimed_until=now, touched_at=now)
        conclude(claimed.event_id, outcome if held else Outcome.SETTLED, detail=detail)
        return
    conclude(claimed.event_id, outcome, detail=detail)
    _show(_row(claimed))
    Secret.objects.filter(  # a creation that did not happen leaves no row
        pk=claimed.secret.pk, version=0, mirror_version=0, gone_at=None, claim=None
    ).delete()


@transaction.atomic(savepoint=False)
def finish_write(
    claimed: Claimed, written: Written, mirror: Written | None, *, changed_by: str, detail: str
) -> datetime:
    """Write how a write ended: what the store answered, and for the mirror if that is written too.

    Returns when the row says that it was written.
    """
    now, version = timezone.now(), written.version
    conclude(claimed.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    mirrored = _mirrored(version, mirror.version) if mirror else {}
    _show(
        _row(claimed, late=Q(version__lte=version)),
        version=version,
        modified=None,
        answered_at=(mirror or written).at,
        changed_at=now,
        changed_by=changed_by,
        gone_at=None,
        **mirrored,
    )
    return now


@transaction.atomic(durable=True)
def finish_mirror(claimed: Claimed, version: int, mirror_version: int, detail: str) -> None:
    """Commit that primary and mirror are known to hold the same value."""
    conclude(claimed.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    row = _row(claimed, late=Q(changed_at__lte=claimed.at))
    shown = {"modified": None, "answered_at": None, "gone_at": None}
    _show(row, version=version, **shown, **_mirrored(version, mirror_version))


@transaction.atomic(savepoint=False)
def finish_removal(claimed: Claimed, detail: str) -> None:
    """Write that the secret is gone, and drop its row."""
    conclude(claimed.event_id, Outcome.SUCCEEDED, detail=detail)
    _row(claimed, late=Q(changed_at__lte=claimed.at)).delete()


def _row(claimed: Claimed, *, late: Q | None = None) -> QuerySet[Secret]:
    """The row while the claim holds it.

    A slow writer's claim may have run out, and the row been settled. If nobody has it now and
    `late` is true of it, his end is still the newer one.
    """
    holds = Q(claim_id=claimed.event_id)
    if late is not None:
        holds |= Q(claim=None) & late
    return Secret.objects.filter(holds, pk=claimed.secret.pk)


def _mirrored(version: int, mirror_version: int) -> dict[str, Any]:
    return {"mirror_version": mirror_version, "mirror_of": version, "mirror_modified": None}


def _show(row: QuerySet[Secret], **shown: Any) -> None:
    """Let go of the row, with what it shows now."""
    row.update(claim=None, claimed_until=None, touched_at=timezone.now(), **shown)
