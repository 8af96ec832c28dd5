"""Endings: how writes ended, committed together with what the rows show from now on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.audit.events import Outcome, conclude_all
from secrets_app import recycle_bin
from secrets_app.models import LeaseStage, Secret
from secrets_app.projection import key_and_tier, mirror_key
from secrets_app.recycle_bin import EndedCopy
from secrets_app.store.base import Written
from secrets_app.store.limits import LATEST_ARRIVAL
from secrets_app.writes.leases import LEASE_DURATION, Lease, update_rows


@dataclass(frozen=True)
class Ending:
    """How a leased write ended, and the row's new columns.

    With `held_as`, another request may still arrive, so the row stays leased until then. A slow
    writer's lease may have expired and been settled: then `is_newer` tells whether what that writer
    knows is still the newer state.
    """

    lease: Lease
    outcome: Outcome
    detail: str = ""
    version_after: int | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    held_as: LeaseStage | None = None
    is_removed: bool = False
    is_newer: Callable[[Secret], bool] = lambda row: False

    def applies_to(self, row: Secret) -> bool:
        """Return True if the lease still holds the row, or nobody has a newer state."""
        is_free = row.claim_id is None and self.is_newer(row)
        return row.claim_id == self.lease.event_id or is_free

    def apply(self, row: Secret, now: datetime) -> None:
        """Update the row in memory, and release it unless it is held."""
        for name, value in self.columns.items():
            setattr(row, name, value)
        row.claim_id = self.lease.event_id if self.held_as else None
        row.claimed_until = now + LATEST_ARRIVAL if self.held_as else None
        row.claim_stage = self.held_as or ""
        row.touched_at = now


def written(
    lease: Lease,
    result: Written,
    mirror: Written | None,
    *,
    at: datetime,
    held_as: LeaseStage | None,
    detail: str,
    **columns: Any,
) -> Ending:
    """Return the ending of a write, and of its mirror's if that was written too.

    `columns` are those that the store doesn't know, such as `changed_by`.
    """
    version = result.version
    shown: dict[str, Any] = {
        "version": version,
        "modified": None,  # only a listing returns the store's time
        "answered_at": (mirror or result).at,
        "changed_at": at,
        "gone_at": None,
    }
    shown |= _mirror_columns(version, mirror.version) if mirror else {}
    return Ending(
        lease,
        Outcome.SUCCEEDED,
        detail,
        version,
        shown | columns,
        held_as,
        is_newer=lambda row: row.version <= version,
    )


def removed(lease: Lease, detail: str) -> Ending:
    """Return the ending of a removal, which deletes the row."""
    return Ending(
        lease,
        Outcome.SUCCEEDED,
        detail,
        is_removed=True,
        is_newer=lambda row: _is_unchanged(row, lease),
    )


def mirror_written(
    lease: Lease, version: int, mirror_version: int, *, held_as: LeaseStage | None, detail: str
) -> Ending:
    """Return the ending after which primary and mirror are known to hold the same value."""
    columns: dict[str, Any] = {"version": version, "modified": None, "answered_at": None}
    columns |= {"gone_at": None} | _mirror_columns(version, mirror_version)
    row = lease.secret  # what did not exist got what the other one has
    columns |= key_and_tier(row, lease.version_before)
    columns["mirror_key_id"] = mirror_key(row)
    return Ending(
        lease,
        Outcome.SUCCEEDED,
        detail,
        version,
        columns,
        held_as,
        is_newer=lambda row: _is_unchanged(row, lease),
    )


def mirror_left(lease: Lease, detail: str) -> Ending:
    """Return the ending of a mirror that is someone else's: it is drift and no longer due."""
    columns = {"mirror_of": 0, "mirror_due_at": None}
    return Ending(lease, Outcome.FAILED, detail, columns=columns)


def failed(lease: Lease, detail: str) -> Ending:
    """Return the ending of an attempt that has written nothing."""
    return Ending(lease, Outcome.FAILED, detail)


def unknown(lease: Lease, detail: str) -> Ending:
    """Return the ending of an attempt whose response was lost.

    The row stays leased until no request can still arrive, and is settled then.
    """
    return Ending(lease, Outcome.UNKNOWN, detail, held_as=LeaseStage.LOST)


@transaction.atomic(savepoint=False)
def commit(endings: Sequence[Ending], waiting: Iterable[Lease] = ()) -> None:
    """Save the outcomes and the rows, and renew the leases of rows that are `waiting`.

    Takes as many queries for many rows as for one. Call it outside of a transaction, or in the one
    that the store shares.
    """
    now, renewed = timezone.now(), {lease.secret.pk: lease for lease in waiting}
    rows = _lock_rows([*(ending.lease.secret.pk for ending in endings), *renewed])
    conclusions: list[tuple[int, Outcome, int | None, str]] = []
    kept: list[Secret] = []
    gone: list[Secret] = []
    for ending in endings:
        row, outcome = rows.get(ending.lease.secret.pk), ending.outcome
        if row is not None and ending.applies_to(row):
            ending.apply(row, now)
            (gone if _leaves_no_row(ending, row) else kept).append(row)
        elif outcome is Outcome.UNKNOWN:
            outcome = Outcome.SETTLED  # someone settled it already, so nothing stays open
        conclusions.append((ending.lease.event_id, outcome, ending.version_after, ending.detail))
    for pk, lease in renewed.items():
        if pk in rows and rows[pk].claim_id == lease.event_id:
            rows[pk].claimed_until = now + LEASE_DURATION
            kept.append(rows[pk])
    conclude_all([*conclusions, *recycle_bin.conclude(_ended_copies(endings))])
    update_rows(kept)
    if gone:
        Secret.objects.filter(pk__in=[row.pk for row in gone]).delete()


def _ended_copies(endings: Iterable[Ending]) -> Iterator[EndedCopy]:
    for ending in endings:
        if entry := ending.lease.entry:
            is_open = ending.outcome is Outcome.UNKNOWN
            yield EndedCopy(entry, ending.is_removed, is_open, ending.detail)


def _lock_rows(ids: Sequence[int]) -> dict[int, Secret]:
    rows = Secret.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def _leaves_no_row(ending: Ending, row: Secret) -> bool:
    """Return True after a removal, and after a creation that did not happen."""
    is_empty = not (row.version or row.mirror_version or row.gone_at or row.claim_id)
    return ending.is_removed or (ending.outcome is Outcome.FAILED and is_empty)


def _is_unchanged(row: Secret, lease: Lease) -> bool:
    return row.changed_at is not None and row.changed_at <= lease.acquired_at


def _mirror_columns(version: int, mirror_version: int) -> dict[str, Any]:
    return {
        "mirror_version": mirror_version,
        "mirror_of": version,
        "mirror_modified": None,
        "mirror_due_at": None,
    }
