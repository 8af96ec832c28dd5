"""Changes made outside Branchkeep to the secret API_KEY, and decisions about them."""

import uuid

from console.lib.results import RowOutcome
from console.models import Branch
from secrets_app.drift import decisions
from secrets_app.drift.changes import Drift, changed_outside
from secrets_app.store import parameter_store
from tests.factories.console import access_of
from tests.factories.secrets import reconcile_now, secret_paths, set_secret, write_outside
from tests.fixtures.people import World

KEY = "API_KEY"


def ours(world: World, branch: Branch | None, *values: str) -> None:
    """Save these values, one version each, and reconcile."""
    for value in values:
        set_secret(world, KEY, value, branch)
    reconcile_now(world)


def change_outside(world: World, branch: Branch | None, value: str = "theirs") -> None:
    """Write a value outside Branchkeep, and reconcile."""
    write_outside(secret_paths(world, KEY, branch)[0], value)
    reconcile_now(world)


def remove_outside(world: World, *paths: str) -> None:
    """Remove parameters outside Branchkeep, and reconcile."""
    parameter_store().remove(paths)
    reconcile_now(world)


def drifts(world: World, *, ignored: bool = False) -> list[Drift]:
    """Return what nobody has decided about, or what is ignored."""
    found = changed_outside(access_of(world, "alice"))
    return [it for it in found if it.is_ignored is ignored]


def put_back(world: World, found: Drift, by: str = "mia") -> RowOutcome:
    """Put ours back."""
    access, pk = access_of(world, by), found.secret.pk
    return decisions.put_back(access, pk, found.state, uuid.uuid4())


def take(world: World, found: Drift, by: str = "mia") -> RowOutcome:
    """Take theirs."""
    access, pk = access_of(world, by), found.secret.pk
    return decisions.take(access, pk, found.state, uuid.uuid4())


def ignore(world: World, found: Drift, by: str = "mia") -> RowOutcome:
    """Ignore it."""
    access, pk = access_of(world, by), found.secret.pk
    return decisions.ignore(access, pk, found.state, uuid.uuid4())
