"""Services for the secrets of cloud sandboxes, at the path that `npx ampx` and `secret()` read.

They belong to no app, so every user may use them and no list shows them
(docs/adr/0009-sandbox-secrets-belong-to-no-app.md). Like ampx, `set_secret` overwrites. Sources:
@aws-amplify/backend-cli 1.10, backend-secret 1.4.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import transaction

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all
from console.lib.naming.names import PathProfile
from console.lib.text.unprintable import one_line
from console.models import User
from secrets_app.paths import InvalidPath, Sandbox, locate, scope_location
from secrets_app.store import parameter_store
from secrets_app.store.base import Reading, SecretValue
from secrets_app.store.errors import NotFound, OutcomeUnknown, Rejected, StoreError
from secrets_app.store.limits import check_value

NOT_FOUND = "This sandbox has no secret with this name."


def set_secret(*, actor: Actor, sandbox: Sandbox, key: str, value: SecretValue) -> int:
    """Write a secret, overwriting an existing one, and return its version.

    Raises PermissionDenied, or a StoreError (Rejected for an invalid key, name or value).
    """
    _require_user(actor)
    path = parameter_path(sandbox, key)
    check_value(value)
    store = parameter_store()
    existing = store.current([path]).get(path)
    action = Action.SECRET_CHANGED if existing else Action.SECRET_CREATED
    before = existing.version if existing else 0
    with _recorded(actor, action, sandbox, {key: before}) as versions:
        versions[key] = store.put(path, value, overwrite=True).version
    return versions[key]


def get_secret(*, actor: Actor, sandbox: Sandbox, key: str) -> Reading:
    """Return a secret with its value. Raises like `set_secret`, and NotFound."""
    _require_user(actor)
    path = parameter_path(sandbox, key)
    with _recorded(actor, Action.SECRET_REVEALED, sandbox, {key: None}) as versions:
        reading = parameter_store().read([path]).get(path)
        if reading is None:
            raise NotFound(NOT_FOUND)
        versions[key] = reading.parameter.version
    return reading


def list_secrets(*, actor: Actor, sandbox: Sandbox) -> list[str]:
    """Return the keys in the store, sorted. Decrypts nothing. Raises like `set_secret`."""
    return sorted(_versions(actor, sandbox))


def remove_secret(*, actor: Actor, sandbox: Sandbox, key: str) -> None:
    """Remove a secret. Raises like `get_secret`."""
    _require_user(actor)
    path = parameter_path(sandbox, key)
    existing = parameter_store().current([path]).get(path)
    before = existing.version if existing else 0
    # Attempted even if it doesn't exist, so that the audit trail shows the try.
    with _recorded(actor, Action.SECRET_REMOVED, sandbox, {key: before}):
        if not parameter_store().remove([path]):
            raise NotFound(NOT_FOUND)


def remove_all(*, actor: Actor, sandbox: Sandbox) -> list[str]:
    """Remove all secrets of the sandbox. Return their keys. Raises like `set_secret`."""
    existing = _versions(actor, sandbox)
    with _recorded(actor, Action.SECRET_REMOVED, sandbox, {**existing}):
        parameter_store().remove(parameter_path(sandbox, key) for key in existing)
    return sorted(existing)


def parameter_path(sandbox: Sandbox, key: str) -> str:
    """Return the parameter path of a sandbox's secret. Raises Rejected."""
    try:
        return locate(sandbox, key, PathProfile.BACKEND).primary
    except InvalidPath as refusal:
        raise Rejected(str(refusal)) from None


def _versions(actor: Actor, sandbox: Sandbox) -> dict[str, int]:
    _require_user(actor)
    try:
        prefix = scope_location(sandbox, PathProfile.BACKEND).primary
    except InvalidPath as refusal:
        raise Rejected(str(refusal)) from None
    found = {
        parameter.path.removeprefix(f"{prefix}/"): parameter.version
        for parameter in parameter_store().list([prefix])
    }
    # Keys can't contain a slash, so deeper parameters are not the sandbox's.
    return {key: version for key, version in found.items() if "/" not in key}


def _require_user(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor is an active user."""
    if not User.objects.filter(pk=actor.user_id or 0, is_active=True).exists():
        raise PermissionDenied("Only Branchkeep users can do this.")


@contextmanager
def _recorded(
    actor: Actor, action: Action, sandbox: Sandbox, before: dict[str, int | None]
) -> Iterator[dict[str, int]]:
    """Record an attempt for each key, run the block, and record the outcomes.

    `before` maps each key to its version before (None if unknown). The block puts the versions
    after into the yielded dict.
    """
    owner = f"(sandbox of {one_line(sandbox.identifier)} in {one_line(sandbox.project)})"
    targets = [
        (action, Target(subject=f"{key} {owner}"), version) for key, version in before.items()
    ]
    with transaction.atomic(durable=True):
        events = attempt_all(actor, targets, change_set=uuid.uuid4())
    after: dict[str, int] = {}
    try:
        yield after
    except StoreError as error:
        unknown = isinstance(error, OutcomeUnknown)
        outcome = Outcome.UNKNOWN if unknown else Outcome.FAILED
        conclude_all((event.pk, outcome, None, error.code) for event in events)
        raise
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, after.get(key), "")
        for event, key in zip(events, before, strict=True)
    )
