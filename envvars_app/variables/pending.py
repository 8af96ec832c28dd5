"""What a save leaves to be pushed to Amplify, written in the save's own transaction.

Nothing here calls Amplify: `amplify_sync` pushes it later, as the person who saved.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.crypto import salted_hmac

from console.access.actors import Actor
from console.access.policy import Access
from console.models import App, Connection
from envvars_app.models import (
    MapVersion,
    Synced,
    SyncedBuildSpec,
    SyncedScope,
    SyncedVariable,
    SyncState,
    Variable,
)
from envvars_app.variables.plan import Write

PENDING_FIELDS = ["state", "pending_at", "pending_by", "pending_user", "change_set", "problem"]


def are_connected(apps: QuerySet[App]) -> bool:
    """Return True if any of these apps is connected. Takes one query."""
    connected = Exists(Connection.objects.filter(app=OuterRef("pk")))
    return any(apps.values_list(connected, flat=True))


def scopes_of(app: App, branch_ids: Iterable[int | None]) -> dict[int | None, SyncedScope]:
    """Return the scopes of these branches by branch id, created where they are missing."""
    wanted = dict.fromkeys(branch_ids)
    found = {scope.branch_id: scope for scope in app.synced_scopes.all()}
    if missing := wanted.keys() - found.keys():
        SyncedScope.objects.bulk_create(
            [SyncedScope(app=app, branch_id=branch_id) for branch_id in missing],
            ignore_conflicts=True,
        )
        found = {scope.branch_id: scope for scope in app.synced_scopes.all()}
    return {branch_id: found[branch_id] for branch_id in wanted}


def mark(row: Synced, actor: Actor, change_set: uuid.UUID | None, now: datetime) -> None:
    """Make a row pending, in memory."""
    row.state = SyncState.PENDING
    row.pending_at, row.pending_by, row.pending_user = now, actor.label, actor.user_id
    row.change_set, row.problem = change_set, ""


def mark_variables(
    access: Access, writes: Sequence[Write], change_set: uuid.UUID, now: datetime
) -> None:
    """Make the variables of a save pending. Those of deleted branches have nowhere to go."""
    keys = dict.fromkeys(
        (write.variable.branch_id, key)
        for write in writes
        if write.variable.branch is None or write.variable.branch.deleted_at is None
        for key in (write.old_key, write.key)
    )
    if not keys:
        return
    scopes = scopes_of(access.app, (branch_id for branch_id, _ in keys))
    rows = [SyncedVariable(scope=scopes[branch_id], key=key) for branch_id, key in keys]
    for row in rows:
        mark(row, access.actor, change_set, now)
    SyncedVariable.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["scope", "key"],
        update_fields=PENDING_FIELDS,
    )


def mark_build_spec(access: Access, branch_id: int | None, now: datetime) -> None:
    """Make the build specification of a scope pending."""
    scope = scopes_of(access.app, [branch_id])[branch_id]
    row = SyncedBuildSpec(scope=scope)
    mark(row, access.actor, uuid.uuid4(), now)
    SyncedBuildSpec.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["scope"], update_fields=PENDING_FIELDS
    )


def is_build_spec_held(app: App, branch_id: int | None) -> bool:
    """Return True if Amplify held a build specification of the scope when it was last read."""
    connected = {"scope__app": app, "scope__app__connection__isnull": False}
    held = SyncedBuildSpec.objects.filter(**connected, held__isnull=False)
    return held.filter(scope__branch=branch_id).exists()


def erase(variable: Variable) -> None:
    """Erase what was synchronized of a variable that was moved to the secrets.

    Digests stay, to recognize the value in Amplify until it is removed there.
    """
    scopes = SyncedScope.objects.filter(app=variable.app_id, branch=variable.branch_id)
    for row in SyncedVariable.objects.filter(scope__in=scopes, key=variable.key):
        forget(row, row.synced, row.sent)
        row.save(update_fields=["synced", "held", "sent", "is_moved", "digests"])
    for version in MapVersion.objects.filter(scope__in=scopes):
        if version.variables.pop(variable.key, None) is not None:
            version.save(update_fields=["variables"])


def forget(row: SyncedVariable, *values: str | None) -> None:
    """Keep only digests of these values, in memory."""
    known = [digest(value) for value in values if value is not None]
    row.digests = " ".join(dict.fromkeys(known)) or row.digests
    row.synced = row.held = row.sent = None
    row.is_moved = True


def digest(value: str) -> str:
    """Return a keyed digest of a value. Without SECRET_KEY, nobody can check a guess by it."""
    return salted_hmac("envvars_app.moved_variable", value, algorithm="sha256").hexdigest()
