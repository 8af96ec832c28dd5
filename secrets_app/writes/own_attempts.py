"""Own attempts: nobody conflicts with an earlier attempt of their own at the same change.

After a lost response or a cut-off save, a person saves again, based on what their page showed
before. If the store holds what that earlier attempt wrote, the new save replaces it.
"""

import uuid

from django.db.models import Q

from console.access.policy import Access
from console.audit.events import COMPLETED, Action, Outcome
from console.models import AuditOutcome
from secrets_app.settling import is_possible_result
from secrets_app.writes.commands import SecretCommand
from secrets_app.writes.leases import is_own
from secrets_app.writes.snapshots import Snapshot, audit_target

WRITES = (Action.SECRET_CREATED, Action.SECRET_CHANGED)


def is_own_write(
    access: Access, command: SecretCommand, snapshot: Snapshot, change_set: uuid.UUID
) -> bool:
    """Return True if what the store holds was written by an attempt that this command repeats.

    That is an attempt of the same user, based on the same version. Its outcome was unknown, or it
    belongs to the same change set: a user who saves twice on purpose does conflict.
    """
    actor, row = access.actor, snapshot.secret
    if actor.user_id is None or snapshot.version <= command.expected_version:
        return False
    if row and row.claim and is_possible_result(row, snapshot.stored):
        before = row.claim.version_before or 0
        return is_own(row.claim, actor) and before == command.expected_version
    shown = (row.version, row.changed_by) if row else (0, "")
    if shown != (snapshot.version, actor.label) or snapshot.is_recreated:
        return False  # someone else wrote it since
    target = audit_target(access, snapshot.target.branch, snapshot.target.key)
    repeats = Q(outcome=Outcome.SETTLED) | Q(event__change_set=change_set)
    return AuditOutcome.objects.filter(
        repeats,
        event__app_id=target.app_id,
        event__branch=target.branch,
        event__subject=target.subject,
        event__actor_id=actor.user_id,
        event__action__in=WRITES,
        event__version_before__lte=command.expected_version,
        version_after=snapshot.version,
        outcome__in=COMPLETED,
    ).exists()
