"""Set up and inspect the secrets of a `World`.

Everything goes through the services, as a page would, except what is named "outside": that
reaches the parameter store directly, as another program would. `branch=None` is All branches.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from django.db.models import F
from django.utils import timezone

from console.access.policy import find_app
from console.audit.events import Action, Outcome
from console.lib.results import RowOutcome
from console.models import AuditEvent, Branch, scope_name
from console.web.lists.listing import Query
from secrets_app.locations import locate_secret
from secrets_app.models import BinEntry, Revalidation, Secret
from secrets_app.queries import SecretRow, list_secrets, listed_branches
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync import reconciling
from secrets_app.sync.freshness import Freshness
from secrets_app.writes import save
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.mirror import repair_mirror
from tests.fixtures.people import World

LONG_AGO = timedelta(hours=1)


class AuditRow(NamedTuple):
    """An audit event with its last outcome."""

    actor: str
    action: str
    key: str
    version_before: int | None
    outcome: str | None
    version_after: int | None


def set_secret(
    world: World,
    key: str,
    value: str = "first",
    branch: Branch | None = None,
    *,
    by: str = "alice",
) -> Secret:
    """Save a new secret, or a new value of an existing one, and return its row."""
    row = Secret.objects.filter(app=world.app, branch=branch, key=key, version__gt=0).first()
    command = set_command(row, value) if row else create_command(key, value, branch)
    [outcome] = save_secrets(world, command, by=by)
    assert outcome.outcome == "saved", outcome
    return secret_row(world, key, branch)


def delete_secret(
    world: World, key: str, branch: Branch | None = None, *, by: str = "alice"
) -> None:
    """Remove a secret."""
    [outcome] = save_secrets(world, delete_command(secret_row(world, key, branch)), by=by)
    assert outcome.outcome == "removed", outcome


def reconciled_secret(world: World, key: str, branch: Branch | None = None) -> Secret:
    """Save a new secret as alice, reconcile, and return its row."""
    set_secret(world, key, branch=branch)
    reconcile_now(world)
    return secret_row(world, key, branch)


def save_secrets(world: World, *commands: SecretCommand, by: str = "alice") -> list[RowOutcome]:
    """Save the commands in one change set and return the outcome of each."""
    return save.save(
        actor=world.actor(by),
        app_id=world.app.app_id,
        commands=commands,
        change_set=uuid.uuid4(),
    )


def create_command(
    key: str, value: str = "first", branch: Branch | None = None, *, expected_version: int = 0
) -> SetSecret:
    """Return the command of a new row of the form."""
    return SetSecret(
        f"new {key} {branch}",
        key=key,
        branch_id=branch.pk if branch else None,
        value=SecretValue(value),
        expected_version=expected_version,
    )


def set_command(
    row: Secret, value: str = "second", *, expected_version: int | None = None
) -> SetSecret:
    """Return the command that gives an existing secret a new value, based on what `row` says."""
    expected = row.version if expected_version is None else expected_version
    return SetSecret(str(row.pk), row.pk, value=SecretValue(value), expected_version=expected)


def delete_command(row: Secret) -> DeleteSecret:
    """Return the command that removes an existing secret, based on what `row` says."""
    return DeleteSecret(str(row.pk), row.pk, expected_version=row.version)


class Act(NamedTuple):
    """A kind of write: the store's operation, its command for a row, and the version after it."""

    operation: str
    command: Callable[[Secret], SecretCommand]
    version: int | None


# The creation is of another key, on the branch of the row.
ACTS = {
    "create": Act("put", lambda row: create_command("OTHER", branch=row.branch), 1),
    "change": Act("put", set_command, 2),
    "remove": Act("remove", delete_command, None),
}


def repair_secret_mirror(world: World, row: Secret, *, by: str = "mia") -> str:
    """Repair the mirror, based on the versions that the row has now."""
    shown = Secret.objects.values_list("version", "mirror_version").get(pk=row.pk)
    return repair_mirror(
        actor=world.actor(by), app_id=world.app.app_id, pk=row.pk, expected_versions=shown
    )


def reconcile_now(world: World) -> Freshness:
    """Reconcile as vera, even if the app was reconciled a moment ago."""
    Revalidation.objects.update(started_at=timezone.now() - LONG_AGO)
    return reconciling.reconcile(actor=world.actor("vera"), app_id=world.app.app_id)


def expire_leases() -> None:
    """End every lease on a secret or in the recycle bin, as its time limit would."""
    BinEntry.objects.exclude(due_at=None).update(due_at=timezone.now())
    for row in Secret.objects.exclude(claim=None):
        Secret.objects.filter(pk=row.pk).update(claimed_until=timezone.now())


def age_store_responses(by: timedelta) -> None:
    """Make the store's last responses older, so that outside writes come clearly later."""
    Secret.objects.update(answered_at=F("answered_at") - by)


def secret_row(world: World, key: str, branch: Branch | None = None) -> Secret:
    """Return the projection's row of a secret."""
    return Secret.objects.get(app=world.app, branch=branch, key=key)


def secret_versions(world: World) -> dict[tuple[str, str], int]:
    """Return the projection's versions by branch name ("" is All branches) and key."""
    secrets = Secret.objects.filter(app=world.app).select_related("branch")
    return {(row.branch.name if row.branch else "", row.key): row.version for row in secrets}


def listed_secrets(world: World, **query: str) -> list[SecretRow]:
    """Return the rows that the list page shows to alice."""
    access = find_app(world.actor("alice"), world.app.app_id)
    query = {"per_page": "100", **query}
    return list_secrets(access, Query.of(query), listed_branches(access)).rows


def listed_secret(world: World, key: str, branch: Branch | None = None) -> SecretRow:
    """Return the row that the list page shows of one secret."""
    branch_id = branch.pk if branch else None
    rows = listed_secrets(world)
    return next(row for row in rows if (row.key, row.branch_id) == (key, branch_id))


def secret_paths(world: World, key: str, branch: Branch | None = None) -> tuple[str, str]:
    """Return the paths of a secret's parameter and of its mirror ("" for none)."""
    location = locate_secret(world.app, branch, key)
    return location.primary, location.mirror or ""


def stored_values(
    world: World, key: str, branch: Branch | None = None
) -> tuple[str | None, str | None]:
    """Return the values that the store holds for a secret and for its mirror."""
    paths = secret_paths(world, key, branch)
    found = parameter_store().read(filter(None, paths))
    primary, mirror = (found[path].value.reveal() if path in found else None for path in paths)
    return primary, mirror


def write_outside(path: str, value: str = "from outside") -> None:
    """Write a parameter without Branchkeep."""
    parameter_store().put(path, SecretValue(value), overwrite=True)


def audit_rows(world: World, *actions: str) -> list[AuditRow]:
    """Return the app's audit trail, oldest first: actions on secrets, or those that start so."""
    prefixes = actions or ("secret.", "found.")
    events = AuditEvent.objects.filter(app_id=world.app.app_id).order_by("pk")
    return [_audit_row(event) for event in events if event.action.startswith(prefixes)]


def last_event_outcomes() -> list[str]:
    """Return the outcomes of the last audit event about a secret, in order."""
    event = AuditEvent.objects.filter(action__startswith="secret.").latest("pk")
    return [row.outcome for row in event.outcomes.order_by("pk")]


def stored_version(world: World, key: str, branch: Branch | None = None) -> int:
    """Return the version that the store holds of a secret, 0 for none."""
    found = parameter_store().current(secret_paths(world, key, branch)[:1])
    return next((parameter.version for parameter in found.values()), 0)


def leased_secrets() -> int:
    """Return the number of rows that hold a lease."""
    return Secret.objects.exclude(claim=None).count()


def audit_gaps(world: World, key: str, branch: Branch | None = None) -> Iterator[str]:
    """Yield each attempt on a secret that doesn't begin at the version where the last one ended.

    A gap means that something was written without a trace in the audit trail.
    """
    versions = {0}
    events = AuditEvent.objects.filter(branch=scope_name(branch), subject=key).order_by("pk")
    # A restore's own event names an earlier version; the save after it is checked.
    events = events.exclude(action=Action.VERSION_RESTORED).exclude(action__startswith="bin.")
    for event in events:
        last = event.outcomes.order_by("pk").last()
        is_another = event.action == Action.FOUND_CHANGED and event.version_before is None
        if event.version_before not in versions and not is_another:
            yield f"{event.pk} {event.action} {key}: {versions}, {event.version_before}"
        if last is None:
            yield f"{event.pk} {event.action} {key}: has no outcome"
        elif last.outcome in {Outcome.SUCCEEDED, Outcome.SETTLED}:
            versions = {last.version_after or 0}
    stored = stored_version(world, key, branch)
    if stored not in versions:
        yield f"{key} at the end: {versions}, {stored}"


def projection_errors(world: World, key: str, branch: Branch | None = None) -> Iterator[str]:
    """Yield what the projection says of a secret or its mirror and the store contradicts."""
    shown = secret_versions(world).get((branch.name if branch else "", key), 0)
    stored = stored_version(world, key, branch)
    if shown != stored:
        yield f"{branch} {key}: {shown}, {stored}"
    primary, mirror = stored_values(world, key, branch)
    is_in_step = primary == mirror or branch is None
    if shown and not is_in_step and not listed_secret(world, key, branch).mirror:
        yield f"{branch} {key}: the mirror differs, and nothing says so"


def assert_consistent(world: World, key: str, version: int | None) -> None:
    """Check that audit trail, projection and store agree on a secret of main, also once reconciled.

    `version` None means that the secret doesn't exist.
    """
    for _ in range(2):
        assert secret_versions(world).get(("main", key)) == version
        assert stored_version(world, key, world.main) == (version or 0)
        assert leased_secrets() == 0
        assert not AuditEvent.objects.filter(action__startswith="secret.", outcomes=None).exists()
        reconcile_now(world)


def _audit_row(event: AuditEvent) -> AuditRow:
    last = event.outcomes.order_by("pk").last()
    actor = event.actor.partition("@")[0]
    outcome = (last.outcome, last.version_after) if last else (None, None)
    return AuditRow(actor, event.action, event.subject, event.version_before, *outcome)
