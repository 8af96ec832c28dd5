"""Save: many rows, each of which reports its own outcome.

Validate all rows, read the store's versions (one call per ten rows), then write in batches: commit
the audit events and leases of a batch, call the store for one row after the other, and commit the
outcomes and the projection. If the store is unavailable, the rest is skipped.
"""

import uuid
from collections.abc import Sequence

from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.lib.results import RowOutcome
from secrets_app.store import parameter_store
from secrets_app.writes.batches import BATCH, Batches
from secrets_app.writes.commands import SecretCommand
from secrets_app.writes.snapshots import Snapshot, take_snapshots
from secrets_app.writes.validation import ValidCommand, leave_held, validate


def save(
    *, actor: Actor, app_id: str, commands: Sequence[SecretCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write and remove secrets; return one outcome per command, in their order.

    Raises Http404 for an outsider, and StoreError if the store can't be read, before any write.
    """
    return save_as(access=find_app(actor, app_id), commands=commands, change_set=change_set)


def save_as(
    *, access: Access, commands: Sequence[SecretCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Do the same as `save` with an access that was looked up for this request."""
    since = timezone.now()  # before the rows are read, so that later writes count as conflicts
    outcomes: dict[str, RowOutcome] = {}
    ids = [command.secret_id for command in commands if command.secret_id is not None]
    known = {secret.pk: secret for secret in access.app.secrets.filter(pk__in=ids)}
    rows = validate(access, commands, known, outcomes)
    if valid := list(leave_held(access.app, rows, outcomes)):
        # With new rows among them, the snapshots read the rows again, by key.
        all_rows = known.values() if len(known) == len(commands) else ()
        targets = [row.target for row in valid]
        snapshots = take_snapshots(parameter_store(), access.app, targets, all_rows, since)
        _write_all(access, list(zip(valid, snapshots, strict=True)), change_set, outcomes)
    return [outcomes[command.token] for command in commands]


def _write_all(
    access: Access,
    rows: Sequence[tuple[ValidCommand, Snapshot]],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> None:
    batches = Batches(access, parameter_store(), change_set, outcomes)
    for start in range(0, len(rows), BATCH):
        batches.write(rows[start : start + BATCH])
