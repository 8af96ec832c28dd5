"""Leases: a scope is pushed by one process at a time.

A lease also lasts until a write whose response was lost can no longer arrive (ADR 0034).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from console.amplify.errors import AmplifyError
from console.amplify.pushes import LONGEST_CALL
from console.lib.clock import latest_end
from envvars_app.models import SyncedScope

LATEST_ARRIVAL = timedelta(seconds=60)  # of a request that nobody waits for anymore
DURATION = timedelta(seconds=4 * LONGEST_CALL) + LATEST_ARRIVAL


class LeaseLost(Exception):
    """The lease ran out before the write, so nothing must be written."""


class Lease:
    """The right to push a scope. `may_arrive` is True while a write may still be carried out."""

    def __init__(self, scope: SyncedScope) -> None:
        self.scope, self.may_arrive = scope, False
        self._id = uuid.uuid4()

    def take(self) -> bool:
        """Take the lease, and return False if another push has it."""
        now = timezone.now()
        held = Q(held_until__gt=now, held_until__lte=latest_end(now, DURATION))
        free = SyncedScope.objects.filter(Q(held_until=None) | ~held, pk=self.scope.pk)
        claim = {"push_id": self._id, "held_until": now + DURATION, "attempted_at": now}
        return bool(free.update(**claim))

    def renew(self) -> None:
        """Extend the lease before a write. Raises LeaseLost."""
        mine = SyncedScope.objects.filter(pk=self.scope.pk, push_id=self._id)
        if not mine.update(held_until=timezone.now() + DURATION):
            raise LeaseLost

    def release(self, problem: str) -> None:
        """End the lease, unless a write may still arrive: then it lasts until it can't."""
        until = timezone.now() + LATEST_ARRIVAL if self.may_arrive else None
        SyncedScope.objects.filter(pk=self.scope.pk, push_id=self._id).update(
            held_until=until, problem=problem[:300]
        )


@contextmanager
def leased(scope: SyncedScope) -> Iterator[Lease | None]:
    """Hold the scope's lease, or give None if another push has it. Keeps why a push failed."""
    lease, problem = Lease(scope), ""
    if not lease.take():
        yield None
        return
    try:
        yield lease
    except AmplifyError as error:
        problem = error.message
        raise
    finally:
        lease.release(problem)
