"""Restore an earlier version of a secret: save its value again, as the newest version.

The value goes from the store to the store and never reaches the browser.
"""

import uuid
from datetime import datetime

from console.access import acts
from console.access.actors import Actor
from console.access.policy import find_app
from console.audit.events import SEE_SAVE, Action, Outcome, recording
from console.audit.refusals import recording_denial
from console.lib.results import DONE, Result, RowOutcome
from secrets_app.locations import find_secret, require_location
from secrets_app.reveal import check_version, read_version
from secrets_app.store.errors import Conflict, Rejected
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save_as
from secrets_app.writes.snapshots import audit_target

CURRENT = "Version {} is the current one. There is nothing to restore."
TOO_NEW = (
    "Somebody removed the secret and added it again, so version {} may be another one than "
    "Branchkeep knew. Choose a version on the secret's page, or save the value again."
)


def restore(
    *,
    actor: Actor,
    app_id: str,
    pk: int,
    version: int,
    base: tuple[int, int | None],
    change_set: uuid.UUID,
    not_after: datetime | None = None,
) -> RowOutcome:
    """Save the value of an earlier version, and return how that ended.

    `base` is the version and revision that the page showed. A version that was written later than
    `not_after` is a Conflict: a parameter that is removed and added again counts from 1 again. Two
    events are recorded under the change set: the restore, which names the earlier version, before
    that is read, and the save. Raises Http404, PermissionDenied, or a StoreError if nothing was
    written.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    target = audit_target(access, secret.branch, secret.key)
    with recording_denial(actor, Action.VERSION_RESTORED, target):
        acts.require(access, Action.VERSION_RESTORED, secret.branch)
    check_version(version)
    expected_version, revision = base
    if version == expected_version:
        raise Rejected(CURRENT.format(version))
    with recording(
        actor,
        Action.VERSION_RESTORED,
        target,
        version_before=version,
        change_set=change_set,
    ) as entry:
        reading = read_version(require_location(access, secret).primary, version)
        if not_after and reading.parameter.modified > not_after:
            raise Conflict(TOO_NEW.format(version))
        command = SetSecret(
            str(pk),
            pk,
            value=reading.value,
            expected_version=expected_version,
            revision=revision,
            origin=entry.event_id,
            any_type=True,
        )
        [outcome] = save_as(access=access, commands=[command], change_set=change_set)
        entry.outcome, entry.detail = ending_of(outcome)
    return outcome


def ending_of(save: RowOutcome) -> tuple[Outcome, str]:
    """Return how a restore ended, and the detail, from how its save did."""
    if save.outcome is Result.UNKNOWN:  # settled where the save is
        return Outcome.SETTLED, SEE_SAVE
    if save.outcome in DONE:
        return Outcome.SUCCEEDED, ""
    return Outcome.FAILED, str(save.outcome)
