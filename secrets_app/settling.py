"""Settling: find out from the store how a write ended whose outcome is open.

Nothing is settled before the lease ends: until then a request of ours may still arrive, and "not
written" could become untrue. Afterwards, what the write can have done is ours and no drift:
versions that its requests can have made, with a time in the store that fits.
"""

from datetime import datetime

from console.audit.events import Action, Outcome, conclude
from console.aws.limits import MAX_ATTEMPTS
from console.models import AuditEvent
from secrets_app.models import ANSWERED, LeaseStage, Secret
from secrets_app.projection import CLOCK_SKEW, RemoteState
from secrets_app.store.base import Parameter

NOT_CALLED = "The save ended before it called the parameter store: nothing was changed."
UNCHANGED = "The store still holds the previous version: nothing was changed."
GONE = "The parameter is no longer in the store."
SEE_PAGE = "The secret's page shows whether the mirror was written."


def settle(secret: Secret, remote: RemoteState) -> None:
    """Settle the write that the row's lease left open, from both of its parameters.

    Writes the outcome, and updates `secret` in memory only; the caller saves it.
    """
    event, stage, until = secret.claim, secret.claim_stage, secret.claimed_until
    settle_primary(secret, remote.primary)
    if event is None or stage == LeaseStage.TAKEN:
        return
    mirror, known = remote.mirror, secret.mirror_version
    if event.action == Action.SECRET_REMOVED:
        # A removal may have reached only one of the two.
        if mirror is None or remote.primary is None:
            _adopt_mirror(secret, mirror)
            secret.mirror_of = 0
    elif stage in ANSWERED and mirror and _may_be_ours(mirror, known, event, until):
        _adopt_mirror(secret, mirror)


def settle_primary(secret: Secret, found: Parameter | None) -> None:
    """Do the same as `settle` if only the primary was read."""
    event = secret.claim
    if event is None:
        return
    version: int | None = secret.version
    if secret.claim_stage == LeaseStage.MIRROR:
        detail = ""
    elif secret.claim_stage == LeaseStage.LATE:
        detail = _accept_repeated(secret, event, found)
        version = secret.version
    elif secret.claim_stage == LeaseStage.TAKEN:
        version, detail = event.version_before, NOT_CALLED
    else:
        version, detail = _find_outcome(secret, event, found)
    if detail:
        conclude(event.pk, Outcome.SETTLED, version_after=version or None, detail=detail)
    secret.touched_at = event.at
    secret.claim, secret.claimed_until, secret.claim_stage = None, None, ""


def is_possible_result(secret: Secret, found: Parameter | None) -> bool:
    """Return True if `found` can be what a write with an open outcome has written."""
    event = secret.claim
    is_open = secret.claim_stage not in {LeaseStage.TAKEN, *ANSWERED}
    if event is None or found is None or not is_open:
        return False
    return _may_be_ours(found, event.version_before or 0, event, secret.claimed_until)


def _find_outcome(
    secret: Secret, event: AuditEvent, found: Parameter | None
) -> tuple[int | None, str]:
    """Update the row if the write succeeded. Return (the version after it, what is known)."""
    version, before = found.version if found else 0, event.version_before or 0
    if before and event.action == Action.MIRROR_REPAIRED:  # it wrote only the mirror
        secret.modified = secret.answered_at = None
        secret.mirror_of = 0
        return before, SEE_PAGE
    if version == before:
        return before, UNCHANGED
    if event.action == Action.SECRET_REMOVED:
        return version, _find_removal(secret, version)
    if found is None:
        return None, GONE
    if not _may_be_ours(found, before, event, secret.claimed_until):
        return before, f"The store holds version {version}, which this change can't have written."
    secret.version, secret.modified, secret.gone_at = version, None, None
    secret.answered_at = None
    secret.changed_at, secret.changed_by = event.at, event.actor
    return version, f"The store holds version {version}: it was written."


def _find_removal(secret: Secret, version: int) -> str:
    if version:
        return f"The store holds version {version}: it was not removed, or it was added again."
    secret.version = secret.mirror_version = secret.mirror_of = 0
    secret.modified = secret.mirror_modified = None
    return GONE


def _accept_repeated(secret: Secret, event: AuditEvent, found: Parameter | None) -> str:
    """Accept a version that a repeated request of a successful write has made since.

    Returns what to add to the audit trail: nothing, if no request was repeated.
    """
    before = event.version_before or 0
    if found is None or found.version <= secret.version:
        return ""
    if not _may_be_ours(found, before, event, secret.claimed_until):
        return ""
    if secret.mirror_of == secret.version:  # each request carried the same value
        secret.mirror_of = found.version
    secret.version, secret.modified, secret.answered_at = found.version, None, None
    return f"A repeated request arrived: the store holds version {found.version}."


def _may_be_ours(found: Parameter, before: int, event: AuditEvent, until: datetime | None) -> bool:
    """Return True if a write based on version `before` can have made this version.

    SSM counts each request, so a repeated one can have made more than one version.
    """
    is_in_time = event.at - CLOCK_SKEW <= found.modified and (
        until is None or found.modified <= until + CLOCK_SKEW
    )
    return is_in_time and before < found.version <= before + MAX_ATTEMPTS


def _adopt_mirror(secret: Secret, mirror: Parameter | None) -> None:
    secret.mirror_version = mirror.version if mirror else 0
    secret.mirror_modified = mirror.modified if mirror else None
