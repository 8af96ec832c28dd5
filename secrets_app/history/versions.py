"""List the versions of a secret that the store keeps, with who wrote each."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.change_sets import sizes_of
from console.audit.events import Action, Outcome
from console.audit.queries import with_outcomes
from console.members import known_values
from console.models import AuditEvent, scope_name
from secrets_app.locations import find_secret, require_location
from secrets_app.models import Secret
from secrets_app.projection import CLOCK_SKEW
from secrets_app.queries import principal
from secrets_app.store import parameter_store
from secrets_app.store.base import KeptVersion, Parameter
from secrets_app.store.limits import VERSIONS_KEPT
from secrets_app.sync.reconciling import refresh
from secrets_app.writes.snapshots import audit_target

DEFAULT_KEY = "alias/aws/ssm"
SHOWN = 10
WARN_AT = VERSIONS_KEPT - 10
_VERBS = {
    Action.SECRET_CREATED: "added it",
    Action.SECRET_CHANGED: "changed the value",
    Action.SECRET_ENCRYPTED: "replaced it by an encrypted parameter",
    Action.MIRROR_REPAIRED: "restored it from its mirror",
}
_FOUND = (Action.FOUND_ADDED, Action.FOUND_CHANGED)


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
    target = audit_target(access, secret.branch, secret.key)
    scopes = {scope_name(secret.branch), target.branch}
    writes = _Writes(access.app.app_id, scopes, secret.key)
    known = known_values.of_former_members(access, {secret.key})[secret.key]
    rows = [
        _version(
            access, one, writes, known.people_who_know(scopes, one.parameter.version), number == 0
        )
        for number, one in enumerate(kept)
    ]
    sizes = sizes_of(access.app.app_id, {row.change_set for row in rows if row.change_set})
    return [replace(row, others=max(0, sizes[row.change_set] - 1)) for row in rows]


def _version(
    access: Access, one: KeptVersion, writes: "_Writes", known_to: Sequence[str], is_current: bool
) -> Version:
    found = one.parameter
    event = writes.of(found)
    is_ours = event is not None and event.action in _VERBS
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


class _Writes:
    """The audited writes of a secret, to find out which of them made a version. Takes one query."""

    def __init__(self, app_id: str, scopes: Iterable[str], key: str) -> None:
        events = with_outcomes(
            AuditEvent.objects.filter(
                app_id=app_id,
                branch__in=scopes,
                subject=key,
                action__in=(*_VERBS, *_FOUND, Action.VERSION_RESTORED),
            )
        )
        self._by_version: dict[int, list[Any]] = {}
        self._restored: dict[uuid.UUID | None, int | None] = {}
        for event in events:
            if event.action == Action.VERSION_RESTORED:
                self._restored[event.change_set] = event.version_before
            elif _has_written(event):
                self._by_version.setdefault(event.version_after, []).append(event)

    def of(self, found: Parameter) -> Any | None:
        """Return the event that made this version.

        A parameter that is removed and added again counts from 1 again, so the time has to fit.
        """
        events = [it for it in self._by_version.get(found.version, ()) if _fits(it, found)]
        return min(events, key=lambda it: abs(it.at - found.modified), default=None)

    def verb(self, event: Any) -> str:
        """Return what an event did, in words."""
        source = self._restored.get(event.change_set) if event.change_set else None
        return f"restored version {source}" if source else _VERBS[event.action]


def _has_written(event: Any) -> bool:
    """Return True if the event made a new version of the secret, as far as is known."""
    if event.last_outcome not in {Outcome.SUCCEEDED, Outcome.SETTLED} or not event.version_after:
        return False
    # Settled as not written, or a repair that wrote only the mirror
    is_same = event.version_before == event.version_after
    return not is_same or event.action in {*_FOUND, Action.SECRET_ENCRYPTED}


def _fits(event: Any, found: Parameter) -> bool:
    """Return True if the event can be about a version of this time."""
    if event.action in _FOUND:  # found at any time later
        return bool(event.last_at >= found.modified - CLOCK_SKEW)
    at: tuple[datetime, datetime] = (event.at, event.last_at)
    margin: timedelta = CLOCK_SKEW
    return at[0] - margin <= found.modified <= at[1] + margin


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
