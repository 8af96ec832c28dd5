"""Update rows of the projection from what the store holds, and record drift."""

from collections.abc import Iterable, Set

from django.db import transaction
from django.utils import timezone

from console.audit.events import Action, Target
from console.models import App, Branch, scope_name
from secrets_app.models import Revalidation, Secret
from secrets_app.projection import (
    ExternalChange,
    RemoteState,
    adopt_paths,
    mark_unfinished_mirror,
    matches,
    principal,
    record_drift,
    update_from_store,
    version_before,
)
from secrets_app.settling import settle
from secrets_app.store.base import Parameter
from secrets_app.sync.listing import Kind, Remote


def update_rows(app: App, rows: Iterable[Secret], remote: Remote, kind: Kind) -> None:
    """Settle the rows' open writes, and update those that differ from the store."""
    for row in rows:
        state = remote.get((row.branch_id, row.key), RemoteState())
        if row.claim_id or not matches(row, state):
            _update_row(app, row, state, kind)


@transaction.atomic
def _update_row(app: App, row: Secret, state: RemoteState, kind: Kind) -> None:
    """Update the row, unless it changed since we read it."""
    # No lock was held during the calls to the store, so one of our writers may have been faster.
    same = Secret.objects.select_for_update().filter(
        pk=row.pk, touched_at=row.touched_at, claim_id=row.claim_id
    )
    if not same.values_list("pk"):
        return
    now, before = timezone.now(), row.version
    event, mirror_of = row.claim, row.mirror_of
    settle(row, state)
    if event and event.action == Action.MIRROR_REPAIRED:
        row.mirror_of = mirror_of  # still true, unless the mirror has changed: compared below
    if event:
        mark_unfinished_mirror(row, now, was_written=row.version != before)
    if kind is Kind.PATHS_CHANGED:
        adopt_paths(row, state, now)
    else:
        known, written = version_before(row, state.primary) and before, _written(row, state)
        if action := update_from_store(row, state, now):
            record_drift([_external_change(action, row, row.branch, known, written)])
    if event:
        row.touched_at = now
    if row.version or row.mirror_version or row.gone_at:
        row.save()
    else:  # a creation that never happened, or a removal that did
        row.delete()


@transaction.atomic
def add_rows(app: App, added: Remote, kind: Kind, before: Set[str]) -> None:
    """Add rows for parameters that were not in the projection.

    `before` are paths that were known before their branch was. They are no drift.
    """
    # Locked, so that two passes at once don't both report the same drift.
    list(Revalidation.objects.select_for_update().filter(app=app))
    known = set(Secret.objects.filter(app=app).values_list("branch_id", "key"))
    branches = {branch.pk: branch for branch in app.branches.all()}
    now = timezone.now()
    rows: list[Secret] = []
    found: list[ExternalChange] = []
    existed: list[ExternalChange] = []
    for (branch_id, key), state in added.items():
        if (branch_id, key) in known:
            continue
        row = Secret(app=app, branch_id=branch_id, key=key, touched_at=now)
        written = _written(row, state)
        if action := update_from_store(row, state, now):
            branch = branches[branch_id] if branch_id else None
            change = _external_change(action, row, branch, 0, written)
            is_new = kind is Kind.REPEATED and before.isdisjoint(state.paths)
            (found if is_new else existed).append(change)
        rows.append(row)
    Secret.objects.bulk_create(rows, ignore_conflicts=True)
    if kind is not Kind.PATHS_CHANGED:
        record_drift([*found, *(_summarized(app, existed) if existed else ())])


def _written(row: Secret, state: RemoteState) -> list[Parameter]:
    """Return the parameters of which the row doesn't show this version yet."""
    known = (
        (state.primary, row.version, row.modified),
        (state.mirror, row.mirror_version, row.mirror_modified),
    )
    return [
        found
        for found, version, modified in known
        if found and (found.version != version or modified not in {None, found.modified})
    ]


def _external_change(
    action: Action,
    row: Secret,
    branch: Branch | None,
    before: int,
    written: Iterable[Parameter],
) -> ExternalChange:
    target = Target(row.app.app_id, scope_name(branch), row.key)
    last = max(written, key=lambda it: it.modified, default=None)
    by = principal(last.modified_by or "", is_operator=False) if last else ""
    return ExternalChange(action, target, before or None, row.version or None, by)


def _summarized(app: App, found: list[ExternalChange]) -> list[ExternalChange]:
    """Return one summary instead of an event per secret that the app already had."""
    count = "1 secret" if len(found) == 1 else f"{len(found):,} secrets"
    return [ExternalChange(Action.FOUND_ALL, Target(app.app_id, subject=count), None, None)]
