"""What people are told of a row that was not simply saved."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.humanize.templatetags.humanize import naturaltime

from console.access import Access
from console.audit import Action, Target
from console.models import AuditOutcome
from console.outcomes import Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.projection import SKEW
from secrets_app.rows import Look, Spot, target_of
from secrets_app.store.base import Parameter
from secrets_app.store.errors import (
    AlreadyExists,
    OutcomeUnknown,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)

OUTSIDE = "Someone outside the console"
GONE = "This secret was removed meanwhile. Add it anew if you still need it."
NO_BRANCH = "This app has no such branch any more. Choose another."
NOT_TRIED = "Not tried, because an earlier row met a problem. Save again."
MEANWHILE = "Someone also changed it outside the console at the same moment; yours came last."

MIRROR_MEANWHILE = "Someone had changed its mirror outside the console; it holds your value now."
DATABASE_BUSY = "The console's database did not answer. Nothing was written. Save again."
DATABASE_UNKNOWN = (
    "The console's database did not answer, so it can't tell whether this is saved. "
    "The next check against the store settles it."
)


def conflict(token: str, access: Access, look: Look) -> RowOutcome:
    """Say who changed the secret meanwhile, and when; `version` is the one to overwrite."""
    known = _known(access, look.spot)
    pk = known.pk if known else None
    if look.stored is None:
        return RowOutcome(token, Result.CONFLICT, GONE, pk=pk)
    who, when = _who_wrote(known, target_of(access, look.spot.branch, look.spot.key), look.stored)
    verb = "changed" if look.version > 1 else "added"
    message = f"{who} {verb} this secret {naturaltime(when)} (now version {look.version})."
    return RowOutcome(token, Result.CONFLICT, message, version=look.version, pk=pk)


def busy(token: str, access: Access, spot: Spot, base: int) -> RowOutcome:
    """Say who is writing the secret at this moment."""
    known = _known(access, spot)
    who = known.claim.actor if known and known.claim else "Someone else"
    message = f"{who} is saving this secret at this moment. Save again in a few seconds."
    return RowOutcome(token, Result.CONFLICT, message, version=base, pk=known.pk if known else None)


def _known(access: Access, spot: Spot) -> Secret | None:
    rows = Secret.objects.select_related("claim")
    return rows.filter(app=access.app, branch=spot.branch, key=spot.key).first()


def _who_wrote(known: Secret | None, target: Target, stored: Parameter) -> tuple[str, datetime]:
    """Return who wrote what the store held. The row may have moved on since, in other hands."""
    if known and known.version == stored.version and known.changed_at:
        return known.changed_by or OUTSIDE, known.changed_at
    if writer := _writer_in_the_trail(target, stored):
        return writer, stored.modified
    if known and known.claim:  # not finished, or its answer was lost: nobody else is as likely
        return known.claim.actor, stored.modified
    return OUTSIDE, stored.modified


def _writer_in_the_trail(target: Target, stored: Parameter) -> str:
    """Return who of ours wrote this version, about when the store says that it was written."""
    writes = AuditOutcome.objects.filter(
        event__app_id=target.app_id,
        event__branch=target.branch,
        event__subject=target.subject,
        event__action__in=(Action.SECRET_CREATED, Action.SECRET_CHANGED),
        version_after=stored.version,
        at__range=(stored.modified - SKEW, stored.modified + SKEW),
    )
    last = writes.select_related("event").order_by("-pk").first()
    return last.event.actor if last else ""


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
        notes = ["written outside meanwhile"] if self.meanwhile else []
        notes += ["mirror written outside meanwhile"] if self.mirror_meanwhile else []
        if self.mirror_problem:
            unknown = isinstance(self.mirror_problem, OutcomeUnknown)
            how = "unknown" if unknown else "not written"
            notes.append(f"mirror {how}: {self.mirror_problem.code}")
        return ", ".join(notes)


def _mirror_off(error: StoreError) -> str:
    if isinstance(error, OutcomeUnknown):
        return (
            "Saved, but the answer for its mirror at the documented path was lost. "
            "The next check against the store shows whether it was written."
        )
    return f"Saved, but its mirror at the documented path was not written. {_reason(error)}"


def _reason(error: StoreError) -> str:
    if isinstance(error, AlreadyExists):
        return (
            "Another value stands there, written outside the console. "
            "The secret's page lets you put it right."
        )
    if isinstance(error, (Unreachable, Throttled, StoreFailed)):  # "nothing was changed" is untrue
        return "The parameter store did not answer it. Put the mirror right on the secret's page."
    return error.sentence
