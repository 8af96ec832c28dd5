"""What people are told of a row that was not simply saved."""

from django.contrib.humanize.templatetags.humanize import naturaltime

from console.access import Access
from console.models import Branch
from secrets_app.changes import Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.store.base import Parameter
from secrets_app.store.errors import StoreError

GONE = "This secret was removed meanwhile. Add it anew if you still need it."
NO_BRANCH = "This app has no such branch any more. Choose another."
NOT_TRIED = "Not tried, because an earlier row met a problem. Save again."
MEANWHILE = "Someone also wrote it outside the console at the same moment; yours is the later one."


def conflict(
    token: str, access: Access, branch: Branch | None, key: str, stored: Parameter | None
) -> RowOutcome:
    """Say who changed the secret meanwhile, and when; `version` is the one to overwrite."""
    known = Secret.objects.filter(app=access.app, branch=branch, key=key).first()
    pk = known.pk if known else None
    if stored is None:
        return RowOutcome(token, Result.CONFLICT, GONE, pk=pk)
    who, when = "Someone outside the console", stored.modified
    if known and known.version == stored.version and known.changed_by and known.changed_at:
        who, when = known.changed_by, known.changed_at
    verb = "changed" if stored.version > 1 else "added"
    message = f"{who} {verb} this secret {naturaltime(when)} (now version {stored.version})."
    return RowOutcome(token, Result.CONFLICT, message, version=stored.version, pk=pk)


def busy(token: str, access: Access, branch: Branch | None, key: str, version: int) -> RowOutcome:
    """Say who is writing the secret at this moment."""
    known = (
        Secret.objects.select_related("claim")
        .filter(app=access.app, branch=branch, key=key)
        .first()
    )
    who = known.claim.actor if known and known.claim else "Someone else"
    message = f"{who} is saving this secret at this moment. Save again in a few seconds."
    pk = known.pk if known else None
    return RowOutcome(token, Result.CONFLICT, message, version=version, pk=pk)


def mirror_off(error: StoreError) -> str:
    """Say that a secret is saved and its mirror is not."""
    return f"Saved, but its mirror at the documented path was not written. {error.sentence}"


def saved_detail(*, meanwhile: bool, mirror_problem: str) -> str:
    """Return what the audit trail adds to a successful write."""
    notes = ["written outside meanwhile"] if meanwhile else []
    notes += ["mirror not written"] if mirror_problem else []
    return ", ".join(notes)
