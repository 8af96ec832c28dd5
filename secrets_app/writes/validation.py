"""Validation: which commands are valid, by permission, key, path and fields. No store call yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from console.access.policy import Access, Permission
from console.audit.events import Action, Target
from console.audit.refusals import (
    THROUGH_ANOTHER_APP,
    Refusal,
    record_refusals,
    refused_new_row,
)
from console.catalog.key_types import KeyTypes
from console.lib.results import Result, RowOutcome
from console.lib.row_forms import NO_VERSION
from console.models import App, Branch, scope_name
from secrets_app import recycle_bin
from secrets_app.locations import locate_secret
from secrets_app.models import Secret
from secrets_app.paths import InvalidPath, Location
from secrets_app.writes import messages
from secrets_app.writes.commands import DeleteSecret, InvalidField, SecretCommand, SetSecret
from secrets_app.writes.snapshots import WriteTarget, audit_target

NO_PATH = (
    "Nothing is removed yet. The name is too long for a copy in the recycle bin, so you can't "
    "restore this secret afterward. Remove it without a copy?"
)


@dataclass(frozen=True)
class ValidCommand:
    """A permitted, well-formed command, its target and all of its parameter paths."""

    command: SecretCommand
    target: WriteTarget
    paths: Location


class Refused(Exception):
    """A rejected row; `outcome` is its result, and `refusal` what the audit trail records."""

    def __init__(self, outcome: RowOutcome, refusal: Refusal | None = None) -> None:
        self.outcome, self.refusal = outcome, refusal
        super().__init__(outcome.outcome)


def validate(
    access: Access,
    commands: Sequence[SecretCommand],
    known: dict[int, Secret],
    outcomes: dict[str, RowOutcome],
) -> Iterable[ValidCommand]:
    """Yield the valid commands, and put the outcomes of the others into `outcomes`.

    `known` holds the rows that the commands name, by id. Denials are recorded in the audit trail.
    """
    branches: dict[int, Branch] = {branch.pk: branch for branch in access.branches}
    taken: set[str] = set()
    types = KeyTypes(access.app)
    refused: list[Refusal] = []
    for command in commands:
        try:
            valid = _validate_one(access, command, known, branches)
            _check_type(types, command, valid.target.key)
            if valid.paths.primary in taken:
                _refuse(command, "Another row in this save has the same name and branch.", "key")
            taken.add(valid.paths.primary)
            yield valid
        except Refused as rejected:
            outcomes[command.token] = rejected.outcome
            refused += [rejected.refusal] if rejected.refusal else []
    record_refusals(access.actor, refused)


def leave_held(
    app: App, rows: Iterable[ValidCommand], outcomes: dict[str, RowOutcome]
) -> Iterable[ValidCommand]:
    """Yield the rows that no removal from before their branch was known can still reach.

    Takes one query, and puts the outcomes of the others into `outcomes`.
    """
    claimed = app.unknown_parameters.filter(claimed_until__gt=timezone.now())
    held = {row.path: row.claimed_until for row in claimed}
    for row in rows:
        paths = (row.paths.primary, row.paths.mirror or "")
        until = next((held[path] for path in paths if path in held), None)
        if until is None:
            yield row
        else:
            outcomes[row.command.token] = RowOutcome(
                row.command.token,
                Result.HELD,
                messages.REMOVAL_MAY_ARRIVE.format(until),
                version=row.command.expected_version,
                revision=row.command.revision,
                held_until=until,
            )


def _validate_one(
    access: Access,
    command: SecretCommand,
    known: dict[int, Secret],
    branches: dict[int, Branch],
) -> ValidCommand:
    secret = known.get(command.secret_id) if command.secret_id is not None else None
    if command.secret_id is not None and secret is None:
        gone = messages.row_gone(command)
        raise Refused(gone, _refusal_if_of_another_app(command))
    key = secret.key if secret else command.key
    branch = _branch_of(command, secret, branches)
    _require_write(access, command, branch, key)
    try:
        paths = locate_secret(access.app, branch, key)
    except InvalidPath as refusal:
        _refuse(command, str(refusal), "key")
    try:
        command.check_fields()
    except InvalidField as invalid:
        _refuse(command, invalid.message, invalid.field)
    needs_copy = isinstance(command, DeleteSecret) and not command.without_copy
    if needs_copy and not recycle_bin.has_path(access.app, key):
        _refuse(command, NO_PATH, "copy")
    return ValidCommand(command, WriteTarget(branch, key, paths.primary), paths)


def _check_type(types: KeyTypes, command: SecretCommand, key: str) -> None:
    """Refuse a new value that the type of its key doesn't allow."""
    if not isinstance(command, SetSecret) or command.any_type:
        return
    if problem := types.problem(key, command.value.reveal()):
        _refuse(command, problem, "value")


def _refusal_if_of_another_app(command: SecretCommand) -> Refusal | None:
    """Return the refusal for the app whose secret it is. Nobody else may know that it exists."""
    rows = Secret.objects.select_related("app", "branch")
    foreign = rows.filter(pk=command.secret_id or 0).first()
    if foreign is None:
        return None
    target = Target(foreign.app.app_id, scope_name(foreign.branch), foreign.key)
    return Refusal(action_of(command), target, THROUGH_ANOTHER_APP)


def _refuse(
    command: SecretCommand, message: str, field: str, refusal: Refusal | None = None
) -> NoReturn:
    outcome = RowOutcome(command.token, Result.REFUSED, message, field, command.expected_version)
    raise Refused(outcome, refusal)


def _branch_of(
    command: SecretCommand, secret: Secret | None, branches: dict[int, Branch]
) -> Branch | None:
    branch_id = secret.branch_id if secret else command.branch_id
    if branch_id is None:
        return None
    if branch_id == NO_VERSION:  # a new override starts without one
        _refuse(command, messages.CHOOSE_BRANCH, "branch")
    branch = branches.get(branch_id)
    # Secrets of a deleted branch can still be changed and removed, but none can be added there,
    # except for what was removed from there.
    if branch is None:
        foreign = refused_new_row(action_of(command), branch_id, command.key)
        _refuse(command, messages.NO_BRANCH, "branch", foreign)
    puts_back = isinstance(command, SetSecret) and command.puts_back
    if secret is None and branch.deleted_at is not None and not puts_back:
        _refuse(command, messages.NO_BRANCH, "branch")
    return branch


def _require_write(access: Access, command: SecretCommand, branch: Branch | None, key: str) -> None:
    try:
        access.require_on(Permission.WRITE, branch)
    except PermissionDenied as denial:
        denied = RowOutcome(
            command.token, Result.DENIED, str(denial), version=command.expected_version
        )
        target = audit_target(access, branch, key)
        raise Refused(denied, Refusal(action_of(command), target)) from None


def action_of(command: SecretCommand) -> Action:
    """Return the audit action of a command."""
    if isinstance(command, DeleteSecret):
        return Action.SECRET_REMOVED
    return Action.SECRET_CHANGED if command.expected_version else Action.SECRET_CREATED
