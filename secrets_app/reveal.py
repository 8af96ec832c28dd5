"""Services that reveal values. Each checks the permission and records the attempt first."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q

from console.access import acts
from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, Outcome, attempt_all, conclude_all, recording
from console.audit.refusals import Refusal, record_refusals, recording_denial
from console.models import AuditEvent, Branch
from secrets_app.locations import find_secret, require_location
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import Reading, SecretValue
from secrets_app.store.errors import NotFound, StoreError
from secrets_app.writes.snapshots import audit_target

MIRROR_ALONE = (
    "Only the mirror of {key} is left, so the branch has no value for it. Restore it on the "
    "secret's page, or save a new value."
)

VERSION_GONE = (
    "The parameter store no longer keeps this version of the secret. Reload the page to see which "
    "versions there are."
)


def reveal(*, actor: Actor, app_id: str, pk: int, version: int | None = None) -> SecretValue:
    """Return a secret's value, or that of an earlier version. Audited before the store is read.

    Raises Http404, PermissionDenied, ConfirmationRequired for a protected value, or a StoreError.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    ask_if_protected(access, secret.branch, Action.SECRET_REVEALED)
    target = audit_target(access, secret.branch, secret.key)
    with recording_denial(actor, Action.SECRET_REVEALED, target):
        acts.require(access, Action.SECRET_REVEALED, secret.branch)
    if version is not None:
        check_version(version)
    known = secret.version or None if version is None else version
    with recording(actor, Action.SECRET_REVEALED, target, version_before=known) as entry:
        path = require_location(access, secret).primary
        reading = _read(secret, path) if version is None else read_version(path, version)
        entry.version_after = reading.parameter.version
    return reading.value


def ask_if_protected(access: Access, branch: Branch | None, action: Action) -> None:
    """Raise ConfirmationRequired if the actor may reveal protected values here, but not yet."""
    decision = access.decide(Permission.REVEAL, branch)
    if decision.allowed and decision.is_protected:
        acts.require_recent(access.actor, action)


def check_version(version: int) -> None:
    """Raise NotFound for a number that no version has, which the audit trail can't hold either."""
    if version < 1:
        raise NotFound(VERSION_GONE)


def read_version(path: str, version: int) -> Reading:
    """Return an earlier version of a parameter. The caller records it first. Raises NotFound."""
    reading = parameter_store().read_version(path, version)
    if reading is None:
        raise NotFound(VERSION_GONE)
    return reading


def _read(secret: Secret, path: str) -> Reading:
    reading = parameter_store().read([path]).get(path)
    if reading is None:
        # A mirror is never read instead: Amplify's backends would not get its value either.
        is_alone = not secret.version and secret.mirror_version
        raise NotFound(MIRROR_ALONE.format(key=secret.key) if is_alone else "")
    return reading


def effective_secrets(access: Access, branch: Branch | None) -> dict[str, Secret]:
    """Return a branch's effective secrets by key, from the projection.

    These are its own, otherwise those for All branches. None returns what a branch without
    overrides gets. A secret of which only the mirror is left is drift, and no value of the branch.
    """
    existing = access.app.secrets.select_related("branch").filter(version__gt=0)
    in_scope = existing.filter(Q(branch=None) | Q(branch=branch))
    # The branch's own come last, so they replace those for All branches.
    by_key = {row.key: row for row in in_scope.order_by(F("branch_id").asc(nulls_first=True))}
    return dict(sorted(by_key.items()))


def reveal_all(*, actor: Actor, app_id: str, branch: Branch | None) -> dict[str, SecretValue]:
    """Return the values of a branch's effective secrets by key: all of them, or none.

    Raises Http404, and the errors of `read_all`.
    """
    access = find_app(actor, app_id)
    secrets = effective_secrets(access, branch)
    found = read_all(access, secrets.values(), Action.SECRET_REVEALED)
    return {key: found[secret.pk].value for key, secret in secrets.items()}


class Revealed(NamedTuple):
    """A value that was read, and the audit event that says so."""

    value: SecretValue
    event: int


def read_all(access: Access, secrets: Collection[Secret], action: Action) -> dict[int, Revealed]:
    """Return the values of secrets by id: all of them, or none. Prefetch their branches.

    Each is audited by itself, as revealed or compared, before the store is read. Raises
    PermissionDenied if the permission is missing on any scope involved, ConfirmationRequired, or a
    StoreError.
    """
    scopes = {secret.branch_id: secret.branch for secret in secrets}.values()
    for scope in scopes:
        ask_if_protected(access, scope, action)
    try:
        for scope in scopes:
            acts.require(access, action, scope)
    except PermissionDenied:
        targets = (audit_target(access, secret.branch, secret.key) for secret in secrets)
        record_refusals(access.actor, [Refusal(action, target) for target in targets])
        raise
    events = _record_attempts(access, secrets, action)
    try:
        readings = _read_all(access, secrets)
    except StoreError as error:
        conclude_all((event.pk, Outcome.FAILED, None, error.code) for event in events)
        raise
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, readings[secret.pk].parameter.version, "")
        for event, secret in zip(events, secrets, strict=True)
    )
    return {
        secret.pk: Revealed(readings[secret.pk].value, event.pk)
        for event, secret in zip(events, secrets, strict=True)
    }


@transaction.atomic(durable=True)
def _record_attempts(
    access: Access, secrets: Iterable[Secret], action: Action
) -> Sequence[AuditEvent]:
    attempts = (
        (action, audit_target(access, secret.branch, secret.key), secret.version or None)
        for secret in secrets
    )
    return attempt_all(access.actor, attempts, change_set=uuid.uuid4())


def _read_all(access: Access, secrets: Iterable[Secret]) -> dict[int, Reading]:
    """Read the secrets, ten per call."""
    paths = {secret.pk: require_location(access, secret).primary for secret in secrets}
    found = parameter_store().read(paths.values())
    for secret in secrets:
        if paths[secret.pk] not in found:
            sentence = f"The secret {secret.key} is no longer in the parameter store. Add it again."
            raise NotFound(sentence)
    return {pk: found[path] for pk, path in paths.items()}
