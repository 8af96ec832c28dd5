"""Decide a difference: use what Amplify holds, or keep what is here and push it.

`seen` is the fingerprint of both sides that the page showed. If one has changed since, nothing is
decided. The functions raise Http404 for an app that the actor can't see, PermissionDenied (which
they record) without the permission, and ValidationError with a message for the user.
"""

import hashlib
import json
import uuid

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, record_denied, recording
from console.lib.results import DONE, Result, RowOutcome
from envvars_app import build_settings
from envvars_app.amplify_sync.attempts import target_of
from envvars_app.amplify_sync.observing import lock, settle
from envvars_app.models import BuildSpec, Synced, SyncedBuildSpec, SyncedVariable, Variable
from envvars_app.variables import save as saving
from envvars_app.variables.commands import (
    DeleteVariable,
    Overrides,
    SetVariable,
    VariableCommand,
)
from envvars_app.variables.pending import mark

CHANGED = (
    "One of the two sides has changed since this page was loaded. If they still differ, review "
    "that, then choose again."
)
NOTE = "taken over from Amplify"


def fingerprint(*values: object) -> str:
    """Return a short digest of what a page shows."""
    return hashlib.sha256(json.dumps([str(it) for it in values]).encode()).hexdigest()[:32]


def find_difference(access: Access, pk: int) -> SyncedVariable:
    """Return one of the app's variables as it is synchronized.

    Raises ValidationError if neither side has it anymore, as after pressing a button twice.
    """
    rows = SyncedVariable.objects.select_related("scope__app", "scope__branch")
    row = rows.filter(pk=pk, scope__app=access.app).first()
    if row is None:
        raise ValidationError(CHANGED)
    return row


def variable_of(row: SyncedVariable) -> Variable | None:
    """Return the variable here, if there is one."""
    live = Variable.objects.filter(app=row.scope.app_id, branch=row.scope.branch_id)
    return live.filter(key=row.key, removed_at=None).first()


def fingerprint_of(row: Synced, ours: Variable | BuildSpec | None) -> str:
    """Return the fingerprint of both sides of a difference."""
    return fingerprint(row.held, ours and ours.pk, ours and ours.version)


def use_amplify(*, actor: Actor, app_id: str, pk: int, seen: str) -> RowOutcome:
    """Give the variable here the value that Amplify holds, or remove it if Amplify has none."""
    access = find_app(actor, app_id)
    row = find_difference(access, pk)
    ours = variable_of(row)
    _require(access, row, Action.VARIABLE_CHANGED)
    if seen != fingerprint_of(row, ours):
        raise ValidationError(CHANGED)
    command = _taking_over(row, ours)
    if command is None:  # neither side has it anymore
        return RowOutcome("use", Result.SAVED)
    [outcome] = saving.save(actor=actor, app_id=app_id, commands=[command], change_set=uuid.uuid4())
    if outcome.outcome in DONE:
        with transaction.atomic():
            lock(access.app)
            settle(row)
    return outcome


def _taking_over(row: SyncedVariable, ours: Variable | None) -> VariableCommand | None:
    if row.held is not None and ours is not None:
        return SetVariable(
            "use", ours.pk, value=row.held, expected_version=ours.version, note=NOTE, any_type=True
        )
    if row.held is not None:
        return SetVariable(
            "use",
            key=row.key,
            branch_id=row.scope.branch_id,
            value=row.held,
            note=NOTE,
            any_type=True,
        )
    if ours is None:
        return None
    return DeleteVariable(
        "use",
        ours.pk,
        expected_version=ours.version,
        overrides=Overrides.KEEP,
        without_copy=True,  # choosing Amplify's value, which is none, was the decision
        note=NOTE,
    )


def keep_ours(*, actor: Actor, app_id: str, pk: int, seen: str) -> None:
    """Have the variable here pushed over the value that Amplify holds."""
    access = find_app(actor, app_id)
    row = find_difference(access, pk)
    _keep(access, row, Action.VARIABLE_KEPT, seen)


def use_build_spec(*, actor: Actor, app_id: str, branch_id: int | None, seen: str) -> None:
    """Replace the build settings here with those that Amplify holds."""
    access = find_app(actor, app_id)
    row = _find_build_spec(access, branch_id)
    spec = _build_spec_of(row)
    _require(access, row, Action.BUILD_CHANGED)
    if seen != fingerprint_of(row, spec):
        raise ValidationError(CHANGED)
    base = spec.version if spec else 0
    if row.held is not None:
        build_settings.save(
            actor=actor,
            app_id=app_id,
            branch_id=branch_id,
            text=row.held,
            base=base,
            note=NOTE,
        )
    else:
        build_settings.remove(actor=actor, app_id=app_id, branch_id=branch_id, base=base)
    with transaction.atomic():
        lock(access.app)
        settle(row)


def keep_build_spec(*, actor: Actor, app_id: str, branch_id: int | None, seen: str) -> None:
    """Have the build settings here pushed over those that Amplify holds."""
    access = find_app(actor, app_id)
    _keep(access, _find_build_spec(access, branch_id), Action.BUILD_KEPT, seen)


def _require(access: Access, row: Synced, action: Action) -> None:
    try:
        access.require_on(Permission.WRITE, row.scope.branch)
    except PermissionDenied:
        record_denied(access.actor, action, target_of(row.scope, row))
        raise


def _keep(access: Access, row: Synced, action: Action, seen: str) -> None:
    scope = row.scope
    with recording(access.actor, action, target_of(scope, row)):
        access.require_on(Permission.WRITE, scope.branch)
        with transaction.atomic():
            lock(access.app)
            if not type(row)._default_manager.filter(pk=row.pk).exists():
                raise ValidationError(CHANGED)
            row.refresh_from_db()
            ours = variable_of(row) if isinstance(row, SyncedVariable) else _build_spec_of(row)
            if seen != fingerprint_of(row, ours):
                raise ValidationError(CHANGED)
            if isinstance(row, SyncedBuildSpec) and (ours is None or ours.removed_at):
                raise ValidationError(build_settings.CANNOT_REMOVE)
            row.synced = row.held
            if isinstance(row, SyncedVariable):
                row.digests = ""
            mark(row, access.actor, uuid.uuid4(), timezone.now())
            row.save()


def _find_build_spec(access: Access, branch_id: int | None) -> SyncedBuildSpec:
    rows = SyncedBuildSpec.objects.select_related("scope__app", "scope__branch")
    row = rows.filter(scope__app=access.app, scope__branch=branch_id).first()
    if row is None:
        raise ValidationError(CHANGED)
    return row


def _build_spec_of(row: Synced) -> BuildSpec | None:
    scope = row.scope
    return BuildSpec.objects.filter(app=scope.app_id, branch=scope.branch_id).first()
