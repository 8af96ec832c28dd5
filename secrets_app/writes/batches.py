"""Batches: rows that are leased together, written one after the other, and committed together.

So a save takes few queries for each row. If the process is killed, reconciling settles a batch's
rows: those that were called from the store, and the others as not called.
"""

import uuid
from collections.abc import Iterable, Sequence
from time import monotonic

import structlog
from django.db import DatabaseError

from console.access.policy import Access
from console.lib.results import DONE, Result, RowOutcome
from console.lib.stopping import is_stopping
from secrets_app.store.base import ParameterStore
from secrets_app.store.errors import StoreError
from secrets_app.writes import bin_copies, endings, leases, messages, own_attempts, store_calls
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.endings import Ending
from secrets_app.writes.leases import Lease, Obstacle
from secrets_app.writes.snapshots import Snapshot, take_snapshots
from secrets_app.writes.validation import ValidCommand, action_of

log = structlog.get_logger()

BATCH = 25  # rows
# Seconds after which a slow store's outcomes are committed and the leases of the rows that wait are
# renewed. A row takes at most leases.LONGEST_WRITE, so that no lease expires before its turn.
COMMIT_AFTER = 2.0
MAX_SNAPSHOTS = 3  # of a row that others keep writing
NOT_TRIED = "not tried"  # in the audit trail

Leased = tuple[ValidCommand, Lease]


class Batches:
    """The writing part of a save. It fills `outcomes` by token, and raises nothing.

    The outcomes of the rows that are already saved must not be lost.
    """

    def __init__(
        self,
        access: Access,
        store: ParameterStore,
        change_set: uuid.UUID,
        outcomes: dict[str, RowOutcome],
    ) -> None:
        self._access, self._store, self._change_set = access, store, change_set
        self._outcomes = outcomes
        self._has_failed = False  # so that the remaining rows are skipped
        self._pending: list[tuple[ValidCommand, Ending]] = []  # to commit
        self._existing: list[ValidCommand] = []  # creations of what exists already

    def write(self, rows: Sequence[tuple[ValidCommand, Snapshot]]) -> None:
        """Write a batch, or skip it."""
        if self._skips([row for row, _ in rows]):
            return
        if not (leased := self._lease(rows)):
            return
        try:
            leased = bin_copies.begin(self._access, leased, self._change_set)
            with self._store.shared_transaction() as is_shared:
                self._write_leased(leased, is_shared)
        except DatabaseError as error:  # the leases stay, and reconciling settles them
            self._lose_pending(leased, error)
        self._pending.clear()
        self._name_writers()

    def _skips(self, rows: Sequence[ValidCommand]) -> bool:
        """Return True if the rows are skipped, and set their outcomes."""
        if not self._has_failed and not is_stopping():
            return False
        reason = messages.NOT_TRIED if self._has_failed else messages.STOPPING
        for row in rows:
            self._set(row, Result.NOT_TRIED, reason)
        return True

    def _set(self, row: ValidCommand, result: Result, message: str) -> None:
        command = row.command
        self._outcomes[command.token] = RowOutcome(
            command.token, result, message, version=command.expected_version
        )

    def _lease(self, rows: Sequence[tuple[ValidCommand, Snapshot]]) -> list[Leased]:
        """Lease the rows, and set the outcomes of those that can't be leased."""
        leased: list[Leased] = []
        for _ in range(MAX_SNAPSHOTS):
            found = self._acquire([it for it in rows if not self._conflicts(*it)])
            leased += [(row, it) for row, it in found if isinstance(it, Lease)]
            self._set_leased(row for row, it in found if it is Obstacle.LEASED)
            stale = [row for row, it in found if it is Obstacle.STALE]
            if not stale:
                return leased
            try:
                targets = [row.target for row in stale]
                snapshots = take_snapshots(self._store, self._access.app, targets)
            except StoreError as error:
                self._has_failed = isinstance(error, store_calls.STOPPING)
                for row in stale:
                    outcome = store_calls.store_error(row, Result.FAILED, error)
                    self._outcomes[row.command.token] = outcome
                return leased
            rows = list(zip(stale, snapshots, strict=True))
        self._set_leased(row for row, _ in rows)
        return leased

    def _conflicts(self, row: ValidCommand, snapshot: Snapshot) -> bool:
        """Return True if the row is in conflict with the snapshot, and set its outcome."""
        command, access = row.command, self._access
        if _is_another_secret(command, snapshot):
            outcome = messages.row_gone(command)
        elif _differs(command, snapshot) and not own_attempts.is_own_write(
            access, command, snapshot, self._change_set
        ):
            outcome = messages.conflict(command.token, access, snapshot)
        else:
            return False
        self._outcomes[command.token] = outcome
        return True

    def _acquire(
        self, rows: Sequence[tuple[ValidCommand, Snapshot]]
    ) -> list[tuple[ValidCommand, Lease | Obstacle]]:
        if not rows:
            return []
        attempts = [
            (action_of(row.command), snapshot, _origin_of(row.command)) for row, snapshot in rows
        ]
        try:
            found = leases.acquire_all(self._access, attempts, change_set=self._change_set)
        except DatabaseError as error:
            self._fail(error)
            for row, _ in rows:
                self._set(row, Result.FAILED, messages.DATABASE_BUSY)
            return []
        return [(row, it) for (row, _), it in zip(rows, found, strict=True)]

    def _set_leased(self, rows: Iterable[ValidCommand]) -> None:
        for row in rows:
            outcome = messages.row_leased(row.command, self._access, row.target)
            self._outcomes[row.command.token] = outcome

    def _write_leased(self, leased: Sequence[Leased], is_shared: bool) -> None:
        """Write the rows, one after the other, and commit their endings.

        If the store shares the transaction, all of this is one, and the rows are locked instead of
        marked. Otherwise no transaction is open while the store is called.
        """
        held = leases.lock(lease for _, lease in leased) if is_shared else None
        since = monotonic()
        for number, (row, lease) in enumerate(leased, start=1):
            self._write_row(row, lease, held)
            if held is None and monotonic() - since >= COMMIT_AFTER:
                self._commit(waiting=[it for _, it in leased[number:]])
                since = monotonic()
        self._commit()

    def _write_row(self, row: ValidCommand, lease: Lease, held: set[int] | None) -> None:
        if self._skips([row]):
            self._pending.append((row, endings.failed(lease, NOT_TRIED)))
            return
        try:
            if held is None:
                leases.mark_called(lease)
            elif lease.secret.pk not in held:
                raise leases.NotLeased
            response = store_calls.write(self._access, self._store, row, lease)
        except leases.NotLeased:
            self._set_leased([row])
        except DatabaseError as error:
            self._set(row, Result.UNKNOWN, messages.DATABASE_UNKNOWN)
            if held is not None:  # the transaction is lost
                raise
            self._fail(error)
        else:
            self._outcomes[row.command.token] = response.outcome
            self._pending.append((row, response.ending))
            if response.outcome.outcome is Result.CONFLICT:
                self._existing.append(row)
            self._has_failed = isinstance(response.error, store_calls.STOPPING)

    def _commit(self, waiting: Sequence[Lease] = ()) -> None:
        if self._pending:
            endings.commit([ending for _, ending in self._pending], waiting)
            self._pending.clear()

    def _fail(self, error: DatabaseError) -> None:
        self._has_failed = True
        log.error("save.database", error=type(error).__name__)

    def _lose_pending(self, leased: Sequence[Leased], error: DatabaseError) -> None:
        """Set the outcomes of rows that may be written, but whose endings can't be committed."""
        self._fail(error)
        for row, _ in self._pending:
            if self._outcomes[row.command.token].outcome in DONE:
                self._set(row, Result.UNKNOWN, messages.DATABASE_UNKNOWN)
        self._skips([row for row, _ in leased if row.command.token not in self._outcomes])

    def _name_writers(self) -> None:
        """Say in the conflicts of creations who was faster. Our own leases have ended by now."""
        if not self._existing:
            return
        try:
            targets = [row.target for row in self._existing]
            snapshots = take_snapshots(self._store, self._access.app, targets)
        except StoreError:  # who created it can't be read; the conflict stands
            return
        for row, snapshot in zip(self._existing, snapshots, strict=True):
            token = row.command.token
            self._outcomes[token] = messages.conflict(token, self._access, snapshot)
        self._existing.clear()


def _origin_of(command: SecretCommand) -> int | None:
    return command.origin if isinstance(command, SetSecret) else None


def _is_another_secret(command: SecretCommand, snapshot: Snapshot) -> bool:
    """Return True if the page's secret was removed, even if one of the same key was added since."""
    return command.secret_id is not None and (
        snapshot.secret is None or snapshot.secret.pk != command.secret_id
    )


def _differs(command: SecretCommand, snapshot: Snapshot) -> bool:
    """Return True if the store no longer holds what the command expects."""
    if isinstance(command, DeleteSecret) and snapshot.version == 0:
        return False  # it is gone, which is what was asked for
    return not snapshot.matches(command.expected_version, command.revision)
