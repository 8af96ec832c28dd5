"""Decide about a change made outside Branchkeep: put ours back, take theirs, or ignore it.

Putting back uses an existing act, with its permission, its re-authentication and its events.
The other two write nothing to the store, except that taking a removal removes what is left of
the secret.
"""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from console.access import acts
from console.access.policy import Access
from console.audit.events import Action, recording
from console.audit.refusals import recording_denial
from console.lib.results import Result, RowOutcome
from console.lib.row_forms import known_base
from secrets_app.drift.changes import Drift, describe, state_of
from secrets_app.drift.plan import Change, PutBack
from secrets_app.history import bin_actions
from secrets_app.history.restoring import restore
from secrets_app.locations import find_secret
from secrets_app.models import Secret
from secrets_app.store.errors import Conflict, Rejected
from secrets_app.writes.commands import DeleteSecret
from secrets_app.writes.mirror import repair_mirror
from secrets_app.writes.save import save_as
from secrets_app.writes.snapshots import audit_target

Decide = Callable[[Access, int, str, UUID], RowOutcome]
PUT_BACK = "{} was put back."
TAKEN = "The change of {} is accepted."
IGNORED = "The change of {} is ignored until it changes again."
NOT_AS_SHOWN = (
    "It changed after you opened the page, or somebody has decided. Review it, then decide."
)
MIRROR_CHANGED = (
    "The backend path decides what the secret is, so its mirror's value can't be taken. Save that "
    "value, or put the mirror back."
)
FROM_BIN = "Its value came from the recycle bin."
_ACTS = {
    PutBack.VERSION: Action.VERSION_RESTORED,
    PutBack.REMOVE: Action.SECRET_REMOVED,
    PutBack.MIRROR: Action.MIRROR_REPAIRED,
    PutBack.BIN: Action.BIN_RESTORED,
    None: Action.SECRET_CHANGED,
}


def put_back(access: Access, pk: int, state: str, change_set: UUID) -> RowOutcome:
    """Put a secret back as Branchkeep knew it before the change, and return how that ended.

    `state` is what the page showed. Raises Http404, PermissionDenied, ConfirmationRequired,
    Conflict if there is another state by now, Rejected if it can't be put back, or a StoreError.
    """
    drift, secret = _find(access, pk)
    _require(access, secret, _ACTS[drift.put_back if drift else None])
    if drift is None or drift.state != state:
        raise Conflict(NOT_AS_SHOWN)
    match drift.put_back:
        case PutBack.VERSION:
            return restore(
                actor=access.actor,
                app_id=access.app.app_id,
                pk=pk,
                version=drift.before,
                base=known_base(secret.base),
                change_set=change_set,
                not_after=drift.not_after,
            )
        case PutBack.REMOVE:
            return _remove(access, secret, change_set)
        case PutBack.MIRROR:
            shown = secret.version, secret.mirror_version
            done = repair_mirror(
                actor=access.actor, app_id=access.app.app_id, pk=pk, expected_versions=shown
            )
            return RowOutcome(str(pk), Result.SAVED, done, version=secret.version, pk=pk)
        case PutBack.BIN if drift.entry:
            outcome = bin_actions.restore(access, drift.entry, change_set, to=secret.branch)
            return replace(outcome, message=f"{FROM_BIN} {outcome.message}".strip())
    raise Rejected(drift.reason)


def take(access: Access, pk: int, state: str, change_set: UUID) -> RowOutcome:
    """Make what is there now the state that Branchkeep knows, and return how that ended.

    A removal is taken by removing what Branchkeep still lists, and the mirror. Raises what
    `put_back` does.
    """
    drift, secret = _find(access, pk)
    _require(access, secret, Action.DRIFT_TAKEN)
    if drift is None or drift.state != state:
        raise Conflict(NOT_AS_SHOWN)
    if drift.change is Change.MIRROR:
        raise Rejected(MIRROR_CHANGED)
    if drift.change is Change.REMOVED:
        return _remove(access, secret, change_set)
    return _record(access, drift, Action.DRIFT_TAKEN)


def ignore(access: Access, pk: int, state: str, _: UUID) -> RowOutcome:
    """Dismiss the change until the secret changes again. Raises what `put_back` does."""
    drift, secret = _find(access, pk)
    _require(access, secret, Action.DRIFT_IGNORED)
    if drift is None or drift.state != state:
        raise Conflict(NOT_AS_SHOWN)
    return _record(access, drift, Action.DRIFT_IGNORED)


def _find(access: Access, pk: int) -> tuple[Drift | None, Secret]:
    secret = find_secret(access, pk)
    return next(iter(describe(access, [secret])), None), secret


def _require(access: Access, secret: Secret, action: Action) -> None:
    with recording_denial(access.actor, action, audit_target(access, secret.branch, secret.key)):
        acts.require(access, action, secret.branch)


def _remove(access: Access, secret: Secret, change_set: UUID) -> RowOutcome:
    version, revision = known_base(secret.base)
    has_nothing = not (version or secret.mirror_version)
    command = DeleteSecret(
        str(secret.pk),
        secret.pk,
        expected_version=version,
        revision=revision if version else None,
        without_copy=has_nothing and not settings.BIN_DAYS,
    )
    [outcome] = save_as(access=access, commands=[command], change_set=change_set)
    return outcome


def _record(access: Access, drift: Drift, action: Action) -> RowOutcome:
    """Record the decision, if the secret is still as the page showed it."""
    secret = drift.secret
    target = audit_target(access, secret.branch, secret.key)
    before = drift.before or None
    with recording(access.actor, action, target, version_before=before) as entry:
        with transaction.atomic():
            # Locked, so that what a reconcile finds at this moment comes after the decision.
            row = Secret.objects.select_for_update().filter(pk=secret.pk).first()
            if row is None or state_of(row) != drift.state:
                raise Conflict(NOT_AS_SHOWN)
            if action is Action.DRIFT_TAKEN and 0 < row.mirror_of != row.version:
                # The mirror still holds what we wrote, so the background copies the new value.
                row.mirror_due_at = timezone.now()
                row.save(update_fields=["mirror_due_at"])
        entry.version_after = row.version or None
    return RowOutcome(str(secret.pk), Result.SAVED, version=secret.version, pk=secret.pk)
