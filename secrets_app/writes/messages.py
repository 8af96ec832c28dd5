"""What people are told of a row that was not simply saved."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Q

from console.access.policy import Access
from console.audit.events import Action, Target
from console.lib.results import Result, RowOutcome
from console.models import AuditOutcome
from secrets_app.models import Secret
from secrets_app.store.base import Parameter
from secrets_app.store.errors import (
    AlreadyExists,
    OutcomeUnknown,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)
from secrets_app.writes.commands import Change
from secrets_app.writes.leases import Look, Spot, target_of

OUTSIDE = "Someone outside Branchkeep"
GONE = "This secret has been removed. Add it again if you still need it."
NO_BRANCH = "This branch no longer exists. Choose another one."
NOT_TRIED = "Skipped because an earlier row failed. Save again."
MEANWHILE = (
    "Someone also changed it outside Branchkeep at the same time. Your value was saved last."
)

MIRROR_MEANWHILE = (
    "Someone had changed its mirror outside Branchkeep. The mirror now holds your value."
)
DATABASE_BUSY = "The database did not answer. Nothing was saved. Save again."
DATABASE_UNKNOWN = (
    "The database did not answer, so it is unknown whether this was saved. The next check "
    "against the store settles it."
)


def conflict(token: str, access: Access, look: Look) -> RowOutcome:
    """Say who changed the secret meanwhile, and when; `version` and `life` are to overwrite."""
    known = _known(access, look.spot)
    pk = known.pk if known else None
    if look.stored is None:
        return RowOutcome(token, Result.CONFLICT, GONE, pk=pk)
    target = target_of(access, look.spot.branch, look.spot.key)
    who, when = _who_wrote(known, look, look.stored, target)
    verb = "changed" if look.version > 1 else "added"
    message = f"{who} {verb} this secret {naturaltime(when)} (now version {look.version})."
    return RowOutcome(token, Result.CONFLICT, message, version=look.version, life=look.life, pk=pk)


def busy(change: Change, access: Access, spot: Spot) -> RowOutcome:
    """Say who is writing the secret at this moment."""
    known = _known(access, spot)
    who = known.claim.actor if known and known.claim else "Someone else"
    message = f"{who} is saving this secret right now. Save again in a few seconds."
    return RowOutcome(
        change.token,
        Result.CONFLICT,
        message,
        version=change.base,
        life=change.life,
        pk=known.pk if known else None,
    )


def _known(access: Access, spot: Spot) -> Secret | None:
    rows = Secret.objects.select_related("claim")
    return rows.filter(app=access.app, branch=spot.branch, key=spot.key).first()


def _who_wrote(
    known: Secret | None, look: Look, stored: Parameter, target: Target
) -> tuple[str, datetime]:
    """Return who wrote what the store held. The row may have moved on since, in other hands."""
    if look.is_replaced:
        return OUTSIDE, stored.modified
    rows = [row for row in (look.secret, known) if row and row.pk == (look.secret or row).pk]
    if look.secret and known and stored.version < look.secret.version:  # it was added anew since
        rows = [known]
    for row in rows:
        if row.version == stored.version and row.changed_at:
            return row.changed_by or OUTSIDE, row.changed_at
    for row in rows[-1:]:  # not finished, or its answer was lost: nobody else is as likely
        if row.claim and row.version < stored.version:
            return row.claim.actor, stored.modified
    return _writer_since(look, target, stored.version) or OUTSIDE, stored.modified


def _writer_since(look: Look, target: Target, version: int) -> str:
    """Return who of ours wrote a version since then, or was about to, by the trail."""
    under_way = Q(event=look.secret.claim_id) if look.secret else Q()
    writes = AuditOutcome.objects.filter(
        Q(at__gte=look.at) | under_way,
        event__app_id=target.app_id,
        event__branch=target.branch,
        event__subject=target.subject,
        event__action__in=(Action.SECRET_CREATED, Action.SECRET_CHANGED),
        version_after=version,
    )
    return writes.values_list("event__actor", flat=True).order_by("-pk").first() or ""


@dataclass
class Notes:
    """What is to be told of a secret that is saved, but not plainly."""

    meanwhile: bool = False
    mirror_meanwhile: bool = False
    mirror_problem: StoreError | None = None

    def for_people(self) -> str:
        """Return it for the one who saved."""
        notes = [_mirror_off(self.mirror_problem)] if self.mirror_problem else []
        notes += [MEANWHILE] if self.meanwhile else []
        notes += [MIRROR_MEANWHILE] if self.mirror_meanwhile else []
        return " ".join(notes)

    def for_the_trail(self) -> str:
        """Return it for the audit trail."""
        notes = ["also changed outside Branchkeep"] if self.meanwhile else []
        notes += ["mirror also changed outside Branchkeep"] if self.mirror_meanwhile else []
        if self.mirror_problem:
            unknown = isinstance(self.mirror_problem, OutcomeUnknown)
            how = "unknown" if unknown else "not written"
            notes.append(f"mirror {how}: {self.mirror_problem.code}")
        return ", ".join(notes)


def _mirror_off(error: StoreError) -> str:
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
        return "The parameter store did not answer. Repair the mirror on the secret's page."
    return error.sentence
