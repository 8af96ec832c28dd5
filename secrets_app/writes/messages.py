"""Messages: what the page shows for a row that was not simply saved."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Q
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access
from console.audit.events import Action
from console.lib.results import Result, RowOutcome
from console.models import AuditEvent, AuditOutcome
from secrets_app.models import ANSWERED, LeaseStage, Secret
from secrets_app.store.base import Parameter
from secrets_app.store.errors import (
    AlreadyExists,
    OutcomeUnknown,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)
from secrets_app.writes import leases
from secrets_app.writes.commands import SecretCommand
from secrets_app.writes.snapshots import Snapshot, WriteTarget, audit_target

OUTSIDE = "Someone outside Branchkeep"
GONE = "This secret has been removed. Add it again if you still need it."
NEVER_ADDED = (
    "The save that was adding this secret has failed. Add the secret again if you still need it."
)
CHOOSE_BRANCH = "Choose a branch for this override."
NO_BRANCH = "This branch no longer exists. Choose another one."
SAVE_AGAIN = "Save again in a few seconds."
REMOVAL_MAY_ARRIVE = (
    "Not saved yet: the removal of a parameter at this path may still reach the parameter store. "
    "Save again after {:%H:%M:%S} UTC."
)
NOT_TRIED = "Skipped because an earlier row failed. Save again."
OUTSIDE_WRITE = (
    "It was also changed outside Branchkeep at the same time, or the request arrived twice. Your "
    "value was saved last."
)

_CUT_OFF = "{} last save has not finished or was cut off"
_HELD_BY: dict[str, str] = {
    LeaseStage.LOST: "the response to {} last save was lost",
    LeaseStage.LATE: "{} last save was sent more than once",
    LeaseStage.MIRROR: "the response for the mirror of {} last save was lost",
}
STOPPING = "Skipped because Branchkeep is stopping. Save again in a minute."
MIRROR_OUTSIDE_WRITE = (
    "Someone had changed its mirror outside Branchkeep. The mirror now holds your value."
)
DATABASE_BUSY = "The database did not answer. Nothing was saved. Save again."
DATABASE_UNKNOWN = (
    "The database did not answer, so it is unknown whether this was saved. Branchkeep checks it in "
    "the store in about a minute."
)


def row_gone(command: SecretCommand) -> RowOutcome:
    """Return a conflict for a row that the page showed and that is no longer there.

    Pages show new rows while their first save runs, without a version.
    """
    message = GONE if command.expected_version else NEVER_ADDED
    return RowOutcome(command.token, Result.CONFLICT, message, pk=None)


def conflict(token: str, access: Access, snapshot: Snapshot) -> RowOutcome:
    """Return a conflict that names who changed the secret and when.

    Its version and revision are what another attempt has to expect.
    """
    known = _current_row(access, snapshot.target)
    pk = known.pk if known else None
    if snapshot.stored is None:
        return RowOutcome(token, Result.CONFLICT, GONE, pk=pk)
    who, when = _last_writer(access, known, snapshot, snapshot.stored)
    verb = "changed" if snapshot.version > 1 else "added"
    message = f"{who} {verb} this secret {naturaltime(when)} (now version {snapshot.version})."
    return RowOutcome(
        token,
        Result.CONFLICT,
        message,
        version=snapshot.version,
        revision=snapshot.revision,
        pk=pk,
    )


def row_leased(command: SecretCommand, access: Access, target: WriteTarget) -> RowOutcome:
    """Return a conflict that names who is writing the secret right now.

    If that write was cut off, or is the actor's own, the row is held instead.
    """
    known = _current_row(access, target)
    problem, until = why_leased(known, access.actor)
    return RowOutcome(
        command.token,
        Result.HELD if until else Result.CONFLICT,
        f"Not saved yet: {problem} Save again after that." if until else f"{problem} {SAVE_AGAIN}",
        version=command.expected_version,
        revision=command.revision,
        pk=known.pk if known else None,
        held_until=until,
    )


def why_leased(known: Secret | None, actor: Actor) -> tuple[str, datetime | None]:
    """Return (who is writing the secret, until when it is held because that write has ended)."""
    claim = known.claim if known else None
    if known is None or claim is None or not _is_held(known, claim, actor):
        who = claim.actor if claim else "Someone else"
        return f"{who} is saving this secret right now.", None
    whose = "your" if leases.is_own(claim, actor) else f"{claim.actor}'s"
    reason = _HELD_BY.get(known.claim_stage, _CUT_OFF).format(whose)
    until = known.claimed_until
    problem = (
        f"{reason}, so that save may still reach the parameter store. The secret is held until "
        f"{until:%H:%M:%S} UTC."
    )
    return problem, until


def _is_held(known: Secret, claim: AuditEvent, actor: Actor) -> bool:
    now = timezone.now()
    if not leases.is_running(known.claimed_until, now):
        return False
    has_ended = known.claim_stage in {LeaseStage.LOST, *ANSWERED}
    return has_ended or leases.is_own(claim, actor) or claim.at < now - leases.LONGEST_WRITE


def _current_row(access: Access, target: WriteTarget) -> Secret | None:
    rows = Secret.objects.select_related("claim")
    return rows.filter(app=access.app, branch=target.branch, key=target.key).first()


def _last_writer(
    access: Access, known: Secret | None, snapshot: Snapshot, stored: Parameter
) -> tuple[str, datetime]:
    """Return who wrote what the store held, and when.

    `known` is the row as it is now; others may have written it since the snapshot.
    """
    before = snapshot.secret
    if before and snapshot.is_recreated and known and not _is_rewritten(before, known):
        return OUTSIDE, stored.modified
    rows = [row for row in (before, known) if row and row.pk == (before or row).pk]
    if before and (snapshot.is_recreated or stored.version < before.version):
        rows = [known] if known else []  # removed and added again since the rows were read
    for row in rows:
        if row.version == stored.version and row.changed_at:
            return row.changed_by or OUTSIDE, row.changed_at
    if known and known.claim and _may_have_written(known, stored.version):
        return known.claim.actor, stored.modified
    return _writer_in_audit_trail(access, snapshot, stored.version) or OUTSIDE, stored.modified


def _may_have_written(known: Secret, version: int) -> bool:
    """Return True if a write that is unfinished, or has no response, is the likeliest author."""
    return known.version < version and known.claim_stage != LeaseStage.TAKEN


def _is_rewritten(before: Secret, known: Secret) -> bool:
    """Return True if one of our writers has written the row, or leased it, since `before`."""
    is_leased = known.claim_id not in {None, before.claim_id}
    return is_leased or (known.pk, known.changed_at) != (before.pk, before.changed_at)


def _writer_in_audit_trail(access: Access, snapshot: Snapshot, version: int) -> str:
    """Return which of our actors wrote the version since the snapshot, as audited."""
    target = audit_target(access, snapshot.target.branch, snapshot.target.key)
    in_progress = Q(event=snapshot.secret.claim_id) if snapshot.secret else Q()
    writes = AuditOutcome.objects.filter(
        Q(at__gte=snapshot.at) | in_progress,
        event__app_id=target.app_id,
        event__branch=target.branch,
        event__subject=target.subject,
        event__action__in=(Action.SECRET_CREATED, Action.SECRET_CHANGED),
        version_after=version,
    )
    return writes.values_list("event__actor", flat=True).order_by("-pk").first() or ""


@dataclass
class SaveNotes:
    """What to add to the outcome of a secret that is saved, but not as planned."""

    outside_write: bool = False
    mirror_outside_write: bool = False
    mirror_error: StoreError | None = None
    remark: str = ""

    def user_message(self) -> str:
        """Return the notes as sentences for the page."""
        notes = [_mirror_message(self.mirror_error)] if self.mirror_error else []
        notes += [OUTSIDE_WRITE] if self.outside_write else []
        notes += [MIRROR_OUTSIDE_WRITE] if self.mirror_outside_write else []
        notes += [self.remark] if self.remark else []
        return " ".join(notes)

    def audit_detail(self) -> str:
        """Return the notes as the audit outcome's detail."""
        notes = ["also changed outside Branchkeep"] if self.outside_write else []
        notes += ["mirror also changed outside Branchkeep"] if self.mirror_outside_write else []
        if self.mirror_error:
            unknown = isinstance(self.mirror_error, OutcomeUnknown)
            how = "unknown" if unknown else "not written"
            notes.append(f"mirror {how}: {self.mirror_error.code}")
        return ", ".join(notes)


def _mirror_message(error: StoreError) -> str:
    if isinstance(error, OutcomeUnknown):
        return (
            "Saved, but the response for its mirror at the documented path was lost. The next "
            "check against the store shows whether it was written."
        )
    return f"Saved, but its mirror at the documented path was not written. {_reason(error)}"


def _reason(error: StoreError) -> str:
    if isinstance(error, AlreadyExists):
        return (
            "It holds another value that was written outside Branchkeep. You can repair it on "
            "the secret's page."
        )
    if isinstance(error, (Unreachable, Throttled, StoreFailed)):  # "nothing was changed" is untrue
        return "The parameter store did not answer. Branchkeep tries again in the background."
    return error.message
