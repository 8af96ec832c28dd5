"""What needs attention about an app's secrets: drift, and parameters that are stored wrongly.

Drift is shown until somebody saves the secret or decides about it, for DRIFT_SHOWN at most. The
page of drift (`secrets_app.drift`) also shows what is older.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from console.access.policy import Access
from console.audit.queries import events_since
from console.environment.faults import Fault, FaultKind
from console.models import AuditEvent, scope_name
from secrets_app.locations import fits_path, mirror_state, scope_folders
from secrets_app.models import LeaseStage, Secret
from secrets_app.sync import adopting, drift

DRIFT_SHOWN = timedelta(days=7)
_DRIFT = (FaultKind.OUTSIDE, FaultKind.REMOVED_OUTSIDE)


def of_app(access: Access) -> list[Fault]:
    """Return what needs attention. Takes six queries at most, whatever the number of secrets."""
    return [*_of_secrets(access), *_unknown(access)]


def _of_secrets(access: Access) -> Iterator[Fault]:
    app_id, found = access.app.app_id, _found_outside(access)
    names = {it.pk if it else None: scope_name(it) for it in (None, *access.branches)}
    folders = scope_folders(access.app, access.branches)
    url = reverse("secrets", args=[app_id], query={"sort": "-changed"})
    page = reverse("drift", args=[app_id])
    rows = access.app.secrets.filter(
        Q(key__in={key for _, key in found})
        | Q(unencrypted=True)
        | Q(mirror_due_at__isnull=False)
        | Q(claim_stage=LeaseStage.LOST)
        | _MIRROR_ALONE
    ).order_by("key", "branch__sort_key")
    older = _found_before(app_id, {row.key for row in rows if not row.version})
    for row in rows:
        scope, mirror = names.get(row.branch_id), folders.get((row.branch_id, True))
        if scope is None:  # the branch was added after the branches were read
            continue
        name, has_mirror = (scope, row.key), mirror is not None and fits_path(mirror, row.key)
        for kind, at in _kinds(row, is_found=name in found, has_mirror=has_mirror):
            own, every = reverse("secret_detail", args=[app_id, row.pk]), url
            if kind in _DRIFT and older.get(name):  # ignored
                continue
            if kind in _DRIFT and (name in found or name in older):
                own, every = f"{page}#drift-{row.pk}", page
            elif kind is FaultKind.REMOVED_OUTSIDE and not row.mirror_of:
                kind = FaultKind.MIRROR_ONLY  # Branchkeep has never seen the secret
            yield Fault(kind, "secret", own, every, row.key, row.branch_id, at)


# Unless Branchkeep removes it too
_MIRROR_ALONE = Q(version=0, mirror_version__gt=0, mirror_due_at=None, claim=None)


def _kinds(
    row: Secret, *, is_found: bool, has_mirror: bool
) -> Iterator[tuple[FaultKind, datetime | None]]:
    state = _mirror_of(row) if has_mirror else ""
    if row.claim_stage == LeaseStage.LOST:
        yield FaultKind.UNSETTLED, None
    elif (is_found and row.gone_at) or (state == "alone" and not row.mirror_due_at):
        yield FaultKind.REMOVED_OUTSIDE, row.gone_at
    elif is_found and not row.changed_by and row.version:  # which leaves the mirror behind
        yield FaultKind.OUTSIDE, row.changed_at
    elif is_found and state in {"missing", "behind"} and not row.mirror_due_at:
        yield FaultKind.UNFINISHED, None
    if row.unencrypted:
        yield FaultKind.UNENCRYPTED, None
    if row.mirror_due_at:
        yield FaultKind.UNFINISHED, None


def _mirror_of(row: Secret) -> str:
    return mirror_state(row.version, row.mirror_version, row.mirror_of, row.changed_by)


def _found_outside(access: Access) -> set[tuple[str, str]]:
    """Return (scope, key) of what changed outside Branchkeep, unless somebody decided about it."""
    newer = events_since(timezone.now() - DRIFT_SHOWN)
    found = drift.undecided(access.app.app_id, newer)
    return {name for name, is_ignored in found.items() if not is_ignored}


def _found_before(app_id: str, keys: Collection[str]) -> dict[tuple[str, str], bool]:
    """Map scope and key of what is undecided to True if it is ignored, however old it is."""
    if not keys:
        return {}
    return drift.undecided(app_id, AuditEvent.objects.filter(subject__in=keys))


def _unknown(access: Access) -> Iterator[Fault]:
    numbers = adopting.numbers(access)
    if number := numbers.unknown + numbers.other_path:
        url = reverse("unknown_parameters", args=[access.app.app_id])
        yield Fault(FaultKind.UNKNOWN, "parameter", url, url, number=number)
