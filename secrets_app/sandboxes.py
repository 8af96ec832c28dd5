"""The secrets of developers' own cloud sandboxes, at the path that `npx ampx` and a sandbox's
`secret()` read. They belong to no app, and no list of the console shows them.

Any user of the console may: a sandbox is a developer's own, and Amplify has no rights on one.
Like ampx, `set` overwrites. Sources: @aws-amplify/backend-cli 1.10, backend-secret 1.4.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import transaction

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all
from console.lib.names import PathProfile
from console.models import User
from secrets_app.paths import InvalidPath, Sandbox, locate, scope_location
from secrets_app.store import parameter_store
from secrets_app.store.base import Reading, SecretValue
from secrets_app.store.errors import NotFound, OutcomeUnknown, Rejected, StoreError
from secrets_app.store.limits import check_value

MISSING = "This sandbox has no secret with this name."


def set_secret(*, actor: Actor, sandbox: Sandbox, key: str, value: SecretValue) -> int:
    """Write a secret, over one that is there, and return its version.

    Raises PermissionDenied, or a StoreError: Rejected for a key, a name or a value that can't be.
    """
    _require_user(actor)
    path = path_of(sandbox, key)
    check_value(value)
    store = parameter_store()
    there = store.current([path]).get(path)
    action = Action.SECRET_CHANGED if there else Action.SECRET_CREATED
    before = there.version if there else 0
    with _recorded(actor, action, sandbox, {key: before}) as versions:
        versions[key] = store.put(path, value, overwrite=True).version
    return versions[key]


def get_secret(*, actor: Actor, sandbox: Sandbox, key: str) -> Reading:
    """Return a secret with its value. Raises as `set_secret` does, and NotFound."""
    _require_user(actor)
    path = path_of(sandbox, key)
    with _recorded(actor, Action.SECRET_REVEALED, sandbox, {key: None}) as versions:
        reading = parameter_store().read([path]).get(path)
        if reading is None:
            raise NotFound(MISSING)
        versions[key] = reading.parameter.version
    return reading


def list_secrets(*, actor: Actor, sandbox: Sandbox) -> list[str]:
    """Return the keys that stand in the store, sorted. Decrypts nothing. Raises as `set_secret`."""
    return sorted(_versions(actor, sandbox))


def remove_secret(*, actor: Actor, sandbox: Sandbox, key: str) -> None:
    """Remove a secret. Raises as `get_secret` does."""
    _require_user(actor)
    path = path_of(sandbox, key)
    there = parameter_store().current([path]).get(path)
    before = there.version if there else 0
    with _recorded(actor, Action.SECRET_REMOVED, sandbox, {key: before}):
        if not parameter_store().remove([path]):
            raise NotFound(MISSING)


def remove_all(*, actor: Actor, sandbox: Sandbox) -> list[str]:
    """Remove every secret of the sandbox and return their keys. Raises as `set_secret` does."""
    there = _versions(actor, sandbox)
    with _recorded(actor, Action.SECRET_REMOVED, sandbox, {**there}):
        parameter_store().remove(path_of(sandbox, key) for key in there)
    return sorted(there)


def path_of(sandbox: Sandbox, key: str) -> str:
    """Return where a secret stands. Raises Rejected."""
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
    return {key: version for key, version in found.items() if "/" not in key}


def _require_user(actor: Actor) -> None:
    """Raise PermissionDenied for who is no user, or is disabled."""
    if not User.objects.filter(pk=actor.user_id or 0, is_active=True).exists():
        raise PermissionDenied("Only Branchkeep users can do this.")


@contextmanager
def _recorded(
    actor: Actor, action: Action, sandbox: Sandbox, before: dict[str, int | None]
) -> Iterator[dict[str, int]]:
    """Commit an attempt for each key, run the act, write how each ended.

    `before` has the versions that were there, as far as anyone knows; what is yielded takes those
    that the act came to.
    """
    of = f"(sandbox of {sandbox.user} in {sandbox.project})"
    targets = [(action, Target(subject=f"{key} {of}"), version) for key, version in before.items()]
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
