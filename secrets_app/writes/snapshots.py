"""Snapshots: the row and the store's parameter of a secret, read together before a write."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from console.access.branches import audit_name
from console.access.policy import Access
from console.audit.events import Target
from console.models import App, Branch
from secrets_app import revisions
from secrets_app.models import Secret
from secrets_app.projection import is_recreated
from secrets_app.store.base import Parameter, ParameterStore


@dataclass(frozen=True)
class WriteTarget:
    """The secret to write and its primary parameter path."""

    branch: Branch | None
    key: str
    path: str

    @property
    def scoped_key(self) -> tuple[int | None, str]:
        """Return the id of the branch (None is All branches) and the key."""
        return self.branch.pk if self.branch else None, self.key


@dataclass(frozen=True)
class Snapshot:
    """Local row and remote parameter of a write target, as of `at`."""

    target: WriteTarget
    secret: Secret | None
    stored: Parameter | None
    at: datetime

    @property
    def version(self) -> int:
        """Return the version in the store, or 0 if there is no parameter."""
        return self.stored.version if self.stored else 0

    @property
    def is_recreated(self) -> bool:
        """Return True if the parameter was removed and re-created outside at the known version."""
        if self.secret is None or self.stored is None or self.secret.version != self.version:
            return False
        return is_recreated(self.secret, self.secret.modified, self.stored.modified)

    @property
    def revision(self) -> int | None:
        """Return the revision of what the store holds, or None if there is no parameter."""
        return revisions.stored_revision(self.stored.modified) if self.stored else None

    def matches(self, version: int, revision: int | None) -> bool:
        """Return True if the precondition still holds: the store has what the page showed."""
        if version != self.version:
            return False
        if revision is None:
            return not self.is_recreated
        # A page rendered after our own write, but before any reconcile, knows the time of that
        # write and not yet the store's. It holds as long as nothing was replaced since.
        return revision == self.revision or (
            revision == self._own_write_revision and not self.is_recreated
        )

    @property
    def _own_write_revision(self) -> int | None:
        row = self.secret
        if row is None or row.changed_at is None or row.version != self.version:
            return None
        return revisions.provisional_revision(row.changed_at)


def audit_target(access: Access, branch: Branch | None, key: str) -> Target:
    """Return how the audit trail names a secret: with all branches that have its parameter."""
    return Target(access.app.app_id, audit_name(branch, access.partners.get(branch, ())), key)


def take_snapshots(
    store: ParameterStore,
    app: App,
    targets: Sequence[WriteTarget],
    known: Collection[Secret] = (),
    since: datetime | None = None,
) -> list[Snapshot]:
    """Read the rows, then the store's parameters, ten per call. Raises StoreError.

    If the rows of all targets have just been read, pass them as `known`, and as `since` a time
    before that read.
    """
    at = since or timezone.now()
    keys = {target.key for target in targets}
    secrets = {(row.branch_id, row.key): row for row in known or app.secrets.filter(key__in=keys)}
    stored = store.current(target.path for target in targets)
    return [
        Snapshot(
            target,
            secrets.get(target.scoped_key),
            stored.get(target.path),
            at,
        )
        for target in targets
    ]
