"""Services for one variable's versions: find, restore, erase."""

import uuid

from django.core.exceptions import ValidationError
from django.http import Http404

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, Target, audited_transaction
from console.audit.refusals import recording_denial
from console.lib.results import RowOutcome
from console.models import scope_name
from envvars_app.models import Variable
from envvars_app.variables import messages, recycle_bin
from envvars_app.variables import save as saving
from envvars_app.variables.commands import DeleteVariable, SetVariable


def find_variable(access: Access, pk: int) -> Variable:
    """Return one of the app's variables, even if removed. Raises Http404."""
    variable = access.app.variables.select_related("branch").filter(pk=pk).first()
    if variable is None:
        raise Http404("Variable not found.")
    return variable


def restore(
    *, actor: Actor, app_id: str, pk: int, version: int, base: int, change_set: uuid.UUID
) -> RowOutcome:
    """Give a variable the value that it had in `version`. A removed variable is added again.

    `base` is the version that the page was rendered with. Raises Http404, and ValidationError for a
    version without a value.
    """
    access = find_app(actor, app_id)
    variable = find_variable(access, pk)
    restored = variable.versions.filter(version=version).first()
    if restored is None:
        raise Http404("Version not found.")
    if restored.value is None or restored.forgotten:
        raise ValidationError("This version has no value. Choose another one.")
    if variable.removed_at is not None and variable.version != base:
        # It was removed after the page was rendered, so the removal must be shown first.
        return messages.conflict(DeleteVariable("restore", pk), variable)
    note = f"restored from version {version}"
    if variable.removed_at is None:
        command = SetVariable(
            "restore", pk, value=restored.value, expected_version=base, note=note, any_type=True
        )
    else:
        command = SetVariable(
            "restore",
            key=variable.key,
            branch_id=variable.branch_id,
            value=restored.value,
            note=note,
            restores=variable.pk,
            any_type=True,
        )
    [outcome] = saving.save(actor=actor, app_id=app_id, commands=[command], change_set=change_set)
    return outcome


def erase_history(*, actor: Actor, app_id: str, pk: int) -> Variable:
    """Erase the values of a removed variable from its history, because they were a secret.

    Raises Http404, PermissionDenied, and ValidationError for a variable that isn't removed.
    """
    access = find_app(actor, app_id)
    variable = find_variable(access, pk)
    target = Target(app_id, scope_name(variable.branch), variable.key)
    with recording_denial(actor, Action.VARIABLE_REMOVED, target):
        access.require_on(Permission.WRITE, variable.branch)
    with audited_transaction(actor, Action.VARIABLE_REMOVED, target) as record:
        if variable.removed_at is None:
            raise ValidationError("This variable is in use. Remove it, or move it to secrets.")
        record.detail = "values erased"
        recycle_bin.hold_saves(access.app)
        saving.erase(variable)
    return variable
