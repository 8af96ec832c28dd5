"""One row at a time: claim and attempt before the store is called, outcome and projection after.

No transaction stays open across a store call. A claim keeps our own writers apart; it expires, so
that a killed process blocks nobody, and whoever meets an expired claim settles its attempt first.
What the store answered before the claim may be old by then: a claim fails that is taken on a look
at a row that one of ours wrote since.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from console.access import Access
from console.audit import Action, Outcome, Target, attempt, conclude
from console.models import App, Branch
from secrets_app.models import Secret
from secrets_app.places import scope_name
from secrets_app.store.base import Parameter, ParameterStore

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


@dataclass(frozen=True)
class Claimed:
    """A row that is ours to write until the claim expires."""

    secret: Secret
    event_id: int
    base: int


def target_of(access: Access, branch: Branch | None, key: str) -> Target:
    """Return how the audit trail names a secret."""
    return Target(access.app.app_id, scope_name(branch), key)


def look(store: ParameterStore, app: App, spots: Sequence[Spot]) -> list[Look]:
    """Look at rows, then at the store: one read per ten. Raises StoreError."""
    now = timezone.now()
    keys = {spot.key for spot in spots}
    secrets = {(row.branch_id, row.key): row for row in app.secrets.filter(key__in=keys)}
    stored = store.current(spot.path for spot in spots)
    return [
        Look(
            spot,
            secrets.get((spot.branch.pk if spot.branch else None, spot.key)),
            stored.get(spot.path),
            now,
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
    secret = _locked(access.app, branch, key, now)
    if secret.claimed_until and secret.claimed_until > now:
        raise Busy
    if _written_since(secret, seen, now):
        raise Stale
    settle(secret, seen.version)
    event = attempt(
        access.actor,
        action,
        target_of(access, branch, key),
        change_set=change_set,
        version_before=seen.version,
    )
    secret.claim, secret.claimed_until = event, now + CLAIM
    secret.save()
    return Claimed(secret, event.pk, seen.version)


def _locked(app: App, branch: Branch | None, key: str, now: datetime) -> Secret:
    Secret.objects.bulk_create(
        [Secret(app=app, branch=branch, key=key, touched_at=now)], ignore_conflicts=True
    )
    secret = Secret.objects.select_for_update().filter(app=app, branch=branch, key=key).first()
    if secret is None:  # it was there, and its removal ended between the two lines
        raise Stale
    return secret


def _written_since(secret: Secret, seen: Look, now: datetime) -> bool:
    """Say whether one of ours wrote the row, or may have, after the store was looked at."""
    before = (seen.secret.touched_at, seen.secret.claim_id) if seen.secret else (now, None)
    unsettled = secret.claimed_until is not None and secret.claimed_until > seen.at
    return (secret.touched_at, secret.claim_id) != before or unsettled


@transaction.atomic(durable=True)
def finish(claimed: Claimed, outcome: Outcome, *, detail: str = "") -> None:
    """Commit how an attempt ended that wrote nothing, and let go of the row.

    An unknown outcome keeps its claim, expired, so that the next check settles it.
    """
    conclude(claimed.event_id, outcome, detail=detail)
    if outcome is Outcome.UNKNOWN:
        now = timezone.now()
        _mine(claimed).update(claimed_until=now, touched_at=now)
    else:
        _show(claimed)


@transaction.atomic(durable=True)
def finish_write(
    claimed: Claimed, version: int, mirror_version: int | None, *, changed_by: str, detail: str
) -> None:
    """Commit a write: the version that the store answered, and the mirror's if it was written."""
    conclude(claimed.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    mirrored = {} if mirror_version is None else _mirrored(version, mirror_version)
    _show(
        claimed,
        version=version,
        modified=None,
        changed_at=timezone.now(),
        changed_by=changed_by,
        gone_at=None,
        **mirrored,
    )


@transaction.atomic(durable=True)
def finish_mirror(claimed: Claimed, version: int, mirror_version: int, detail: str) -> None:
    """Commit that primary and mirror are known to hold the same value."""
    conclude(claimed.event_id, Outcome.SUCCEEDED, version_after=version, detail=detail)
    _show(claimed, version=version, modified=None, **_mirrored(version, mirror_version))


@transaction.atomic(durable=True)
def finish_removal(claimed: Claimed, detail: str) -> None:
    """Commit that the secret is gone, and drop its row."""
    conclude(claimed.event_id, Outcome.SUCCEEDED, detail=detail)
    _mine(claimed).delete()


def _mine(claimed: Claimed) -> QuerySet[Secret]:
    return Secret.objects.filter(pk=claimed.secret.pk, claim_id=claimed.event_id)


def _mirrored(version: int, mirror_version: int) -> dict[str, int]:
    return {"mirror_version": mirror_version, "mirror_of": version}


def _show(claimed: Claimed, **shown: object) -> None:
    """Let go of the row, with what it shows now; a creation that did not happen leaves none."""
    _mine(claimed).update(claim=None, claimed_until=None, touched_at=timezone.now(), **shown)
    Secret.objects.filter(
        pk=claimed.secret.pk, version=0, mirror_version=0, gone_at=None, claim=None
    ).delete()


def settle(secret: Secret, version_now: int) -> None:
    """Write how an attempt ended whose answer was lost, by the version that the store holds now.

    Changes `secret` in memory alone; the caller saves it.
    """
    event = secret.claim
    if event is None:
        return
    before = event.version_before or 0
    if version_now == before:
        detail = "The store holds what it held before: nothing was written."
    elif event.action == Action.SECRET_REMOVED and version_now == 0:
        detail = "The store no longer holds it: it was removed."
    else:
        detail = f"The store holds version {version_now}: it was written."
        secret.version, secret.modified, secret.changed_by = version_now, None, event.actor
        secret.changed_at, secret.gone_at = event.at, None
    conclude(event.pk, Outcome.SETTLED, version_after=version_now, detail=detail)
    secret.claim, secret.claimed_until = None, None
