"""Pull: take in a snapshot of a connected app. One that changes nothing costs few queries."""

from collections.abc import Iterable

from django.db import transaction

from console.access.policy import Access
from console.amplify.snapshots import Snapshot
from envvars_app.amplify_sync.merging import storable
from envvars_app.amplify_sync.observing import Reading, lock, observe
from envvars_app.formats.validation import KEY_LIMIT
from envvars_app.models import SyncedBuildSpec, SyncedScope, SyncedVariable
from envvars_app.variables.pending import scopes_of


def take_in(access: Access, snapshot: Snapshot) -> None:
    """Compare the variables and build specifications of an app with what Amplify holds.

    What Amplify has of a scope that was never read is added here. Later changes become drift.
    """
    readings: dict[int | None, Reading] = {None: Reading.of(snapshot.app, snapshot.read_at)}
    known = {branch.name: branch for branch in access.branches if branch.deleted_at is None}
    for remote in snapshot.branches:
        if remote.name in known:
            readings[known[remote.name].pk] = Reading.of(remote, snapshot.read_at)
    scopes = scopes_of(access.app, readings)
    _keep_auto_branch(scopes[None], snapshot)
    same = _unchanged(scopes, readings)
    for branch_id, scope in scopes.items():
        if branch_id not in same:
            _observe(scope, readings[branch_id])
    SyncedScope.objects.filter(
        pk__in=[scopes[branch_id].pk for branch_id in same], read_at__lt=snapshot.read_at
    ).update(read_at=snapshot.read_at)


def _keep_auto_branch(scope: SyncedScope, snapshot: Snapshot) -> None:
    variables = storable(snapshot.app.auto_branch_variables, KEY_LIMIT)
    if scope.auto_branch != variables:
        scope.auto_branch = variables
        scope.save(update_fields=["auto_branch"])


def _unchanged(
    scopes: dict[int | None, SyncedScope], readings: dict[int | None, Reading]
) -> set[int | None]:
    """Return the scopes of which Amplify holds what it held when they were read last.

    Takes two queries.
    """
    ids = [scope.pk for scope in scopes.values()]
    maps: dict[int, dict[str, str]] = {pk: {} for pk in ids}
    moved: set[int] = set()
    rows: Iterable[SyncedVariable] = SyncedVariable.objects.filter(scope__in=ids)
    for row in rows:
        if row.held is not None:
            maps[row.scope_id][row.key] = row.held
        if row.digests or row.event_id:
            moved.add(row.scope_id)
    specs = dict(SyncedBuildSpec.objects.filter(scope__in=ids).values_list("scope_id", "held"))
    return {
        branch_id
        for branch_id, scope in scopes.items()
        if scope.read_at is not None
        and scope.pk not in moved
        and maps[scope.pk] == storable(readings[branch_id].variables, KEY_LIMIT)
        and (specs.get(scope.pk) or "") == readings[branch_id].build_spec
    }


@transaction.atomic(durable=True)
def _observe(scope: SyncedScope, reading: Reading) -> None:
    lock(scope.app)
    observe(scope, reading)
