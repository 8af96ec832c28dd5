"""List the versions of a secret that the store keeps, with who wrote each."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.change_sets import sizes_of
from secrets_app.history import former_members
from secrets_app.history.audited_writes import OURS, Writes
from secrets_app.history.former_members import names_of
from secrets_app.locations import find_secret, require_location
from secrets_app.models import Secret
from secrets_app.projection import principal
from secrets_app.store import parameter_store
from secrets_app.store.base import KeptVersion, Parameter
from secrets_app.store.limits import VERSIONS_KEPT
from secrets_app.sync.reconciling import refresh

DEFAULT_KEY = "alias/aws/ssm"
SHOWN = 10
WARN_AT = VERSIONS_KEPT - 10


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a secret.

    `who` is "" if the store doesn't name the principal that wrote it outside Branchkeep. `key` is
    the KMS key, None in the embedded store. `known_to` are people who left and know the value.
    `others` is the number of other secrets and variables that the same change set wrote.
    """

    number: int
    at: datetime
    who: str
    verb: str
    is_ours: bool
    is_drift: bool
    is_current: bool
    labels: Sequence[str]
    key: str | None
    known_to: Sequence[str]
    change_set: uuid.UUID | None = None
    others: int = 0


@dataclass(frozen=True)
class Limit:
    """How close a parameter is to the number of versions that the store keeps.

    `blocking` is the version whose label makes the store refuse a save, after `saves_left` more.
    """

    kept: int
    oldest: int
    blocking: Version | None
    saves_left: int


@dataclass(frozen=True)
class Versions:
    """The versions of a secret, newest first, and what a restore is based on.

    `limit` is set if there is something to warn of.
    """

    secret: Secret
    path: str
    rows: Sequence[Version]
    limit: Limit | None

    @property
    def newest(self) -> Sequence[Version]:
        """Return those that the page shows at first."""
        return self.rows[:SHOWN]

    @property
    def older(self) -> Sequence[Version]:
        """Return the others."""
        return self.rows[SHOWN:]

    @property
    def has_known(self) -> bool:
        """Return True if people who left know a version that can be restored."""
        return any(row.known_to and not row.is_current for row in self.rows)

    @property
    def base(self) -> str:
        """Return the secret's version and revision, for the form."""
        return self.secret.base


def list_versions(*, actor: Actor, app_id: str, pk: int) -> Versions:
    """Return the versions of a secret from the store. Decrypts nothing.

    If the store has another version than the projection shows, updates that too. Raises Http404 or
    a StoreError.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    path = require_location(access, secret).primary
    kept = parameter_store().versions(path)
    if secret.version != (kept[0].parameter.version if kept else 0):
        refresh(access.app, [secret])
        secret = find_secret(access, pk)
    rows = _rows(access, secret, kept)
    return Versions(secret, path, rows, _limit(rows))


def _rows(access: Access, secret: Secret, kept: Sequence[KeptVersion]) -> Sequence[Version]:
    writes = Writes(access.app.app_id, names_of(access, secret.branch), secret.key)
    numbers = [one.parameter.version for one in kept]
    known = former_members.of_versions(access, secret, numbers)
    rows = [
        _version(access, one, writes, known[number], number == numbers[0])
        for number, one in zip(numbers, kept, strict=True)
    ]
    sizes = sizes_of(access.app.app_id, {row.change_set for row in rows if row.change_set})
    return [replace(row, others=max(0, sizes[row.change_set] - 1)) for row in rows]


def _version(
    access: Access, one: KeptVersion, writes: Writes, known_to: Sequence[str], is_current: bool
) -> Version:
    found = one.parameter
    event = writes.of(found.version, found.modified)
    is_ours = event is not None and event.action in OURS
    is_operator = access.actor.is_operator
    outside = principal(found.modified_by or "", is_operator=is_operator)
    return Version(
        number=found.version,
        at=found.modified,
        who=event.actor if event and is_ours else outside,
        verb=writes.verb(event) if event and is_ours else "wrote it outside Branchkeep",
        is_ours=is_ours,
        is_drift=event is not None and not is_ours,
        is_current=is_current,
        labels=one.labels,
        key=_key(found, is_operator=is_operator),
        known_to=known_to,
        change_set=event.change_set if event and is_ours else None,
    )


def _key(found: Parameter, *, is_operator: bool) -> str | None:
    if found.key_id is None:
        return None
    return principal(found.key_id, is_operator=is_operator) if found.key_id else DEFAULT_KEY


def _limit(rows: Sequence[Version]) -> Limit | None:
    """Return how close the secret is to the limit, if it is.

    With VERSIONS_KEPT versions, each save drops the oldest. SSM refuses that if it has a label.
    """
    if not rows:
        return None
    free = VERSIONS_KEPT - len(rows)
    labeled = [(free + index, row) for index, row in enumerate(reversed(rows)) if row.labels]
    saves_left, blocking = min(labeled, key=lambda it: it[0], default=(0, None))
    if saves_left > VERSIONS_KEPT - WARN_AT:
        blocking = None
    if len(rows) < WARN_AT and blocking is None:
        return None
    return Limit(len(rows), rows[-1].number, blocking, saves_left)
