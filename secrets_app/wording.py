"""What people are told of a row that was not simply saved."""

from datetime import datetime

from django.contrib.humanize.templatetags.humanize import naturaltime

from console.access import Access
from secrets_app.changes import Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.rows import Look, Spot
from secrets_app.store.base import Parameter
from secrets_app.store.errors import (
    OutcomeUnknown,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)

GONE = "This secret was removed meanwhile. Add it anew if you still need it."
NO_BRANCH = "This app has no such branch any more. Choose another."
NOT_TRIED = "Not tried, because an earlier row met a problem. Save again."
MEANWHILE = "Someone also changed it outside the console at the same moment; yours came last."


def conflict(token: str, access: Access, look: Look) -> RowOutcome:
    """Say who changed the secret meanwhile, and when; `version` is the one to overwrite."""
    known = _known(access, look.spot)
    pk = known.pk if known else None
    if look.stored is None:
        return RowOutcome(token, Result.CONFLICT, GONE, pk=pk)
    who, when = _who_wrote(known, look.stored)
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


def _who_wrote(known: Secret | None, stored: Parameter) -> tuple[str, datetime]:
    if known and known.version == stored.version and known.changed_by and known.changed_at:
        return known.changed_by, known.changed_at
    if known and known.claim:  # not finished, or its answer was lost: nobody else is as likely
        return known.claim.actor, stored.modified
    return "Someone outside the console", stored.modified


def saved(*, meanwhile: bool, mirror_problem: StoreError | None) -> str:
    """Return what people are told of a secret that is saved, but not plainly."""
    notes = [_mirror_off(mirror_problem)] if mirror_problem else []
    return " ".join([*notes, MEANWHILE] if meanwhile else notes)


def _mirror_off(error: StoreError) -> str:
    if isinstance(error, OutcomeUnknown):
        return (
            "Saved, but the answer for its mirror at the documented path was lost. "
            "The next check against the store shows whether it was written."
        )
    return f"Saved, but its mirror at the documented path was not written. {_reason(error)}"


def _reason(error: StoreError) -> str:
    if isinstance(error, (Unreachable, Throttled, StoreFailed)):  # "nothing was changed" is untrue
        return "The parameter store did not answer it. Put the mirror right on the secret's page."
    return error.sentence


def saved_detail(*, meanwhile: bool, mirror_problem: StoreError | None) -> str:
    """Return what the audit trail adds to a successful write."""
    notes = ["written outside meanwhile"] if meanwhile else []
    if mirror_problem:
        unknown = isinstance(mirror_problem, OutcomeUnknown)
        notes.append(f"mirror {'unknown' if unknown else 'not written'}: {mirror_problem.code}")
    return ", ".join(notes)
