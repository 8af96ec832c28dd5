"""Queries of secrets for lists: search, filter, sort and pages. They only read the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from console.access.explain import why_locked
from console.access.policy import Access, Permission
from console.db import text_times
from console.lib.naming.names import PathProfile
from console.models import App, Branch, scope_name
from console.web.lists.filters import (
    RowFilter,
    Waiting,
    apply,
    matches,
    next_deployment,
    origins,
)
from console.web.lists.listing import (
    CHANGED,
    ONLY_ALL_BRANCHES,
    SORTS,
    Listing,
    Query,
    Row,
    add_notes,
    branches_of_rows,
)
from console.web.lists.missing import MissingRow, page_of
from secrets_app import revisions
from secrets_app.locations import fits_path, mirror_state, read_command, scope_folders
from secrets_app.models import ANSWERED, LeaseStage, Secret
from secrets_app.projection import principal
from secrets_app.writes import leases

BUILD_SECRETS = 10  # that a Hosting build has in `$secrets`: one page of GetParametersByPath
_FILTERS = (
    RowFilter(
        "outside",
        "Changed outside",
        "warn",
        Q(changed_by="", changed_at__isnull=False),
        "warn",
    ),
    RowFilter("unencrypted", "Not encrypted", "unlock", Q(unencrypted=True), "bad"),
)
_STORE_TIME = text_times.as_text("modified")


@dataclass(slots=True, kw_only=True)
class SecretRow(Row):
    """A secret in a list.

    `has_base` is True if it overrides a secret for All branches. `state` is "gone", "saving",
    "unknown" or "". `held_until` is when the row can be saved again if an earlier save may still
    arrive. `mirror` is its mirror's state. `base` is what a save of this row is based on: its
    version and revision. `outside_by` is who changed it outside Branchkeep, if the store says so.
    `path` is its parameter's, and `command` prints its value; both "" if the app's profile has no
    path for it.
    """

    may_reveal: bool
    has_base: bool
    mirror_version: int
    state: str
    held_until: datetime | None
    mirror: str
    base: str
    unencrypted: bool
    outside_by: str
    path: str
    command: str

    @property
    def notable(self) -> bool:
        """Return True if the row has badges."""
        is_inherited = self.origin == "inherited"
        badges = (self.deleted, self.state, self.mirror, self.has_base, self.unencrypted)
        return self.next_deployment or is_inherited or bool(self.copy_of) or any(badges)


# A tuple, because a hundred model instances take a large part of the time for a page.
class _Stored(NamedTuple):
    """The columns that a list reads. `changed` and `store_time` are the database's text."""

    pk: int
    key: str
    branch_id: int | None
    version: int
    mirror_version: int
    mirror_of: int
    changed_by: str
    gone_at: datetime | None
    unencrypted: bool
    claim_id: Any
    claimed_until: datetime | None
    claim_stage: str
    modified_by: str
    has_base: bool
    changed: str | None
    store_time: str | None


def listed_branches(access: Access) -> list[Branch]:
    """Return the app's branches, including deleted ones that still have secrets."""
    return branches_of_rows(access, Secret.objects.filter(app=access.app))


def list_secrets(
    access: Access,
    query: Query,
    branches: Iterable[Branch],
    waiting: Waiting = frozenset(),
    missing: Sequence[MissingRow] | None = None,
) -> Listing[SecretRow]:
    """Return the page that `query` asks for. Takes four queries.

    `waiting` is what takes effect at a next deployment, `missing` what the chosen branch lacks.
    """
    branches = [*branches]
    chosen = query.chosen(branches)
    filters = [
        *origins(chosen, Secret.objects.filter(app=access.app, branch=None).values("key")),
        *_FILTERS,
        *next_deployment("secret", waiting, branches),
    ]
    found = apply(
        access.app,
        query,
        _filtered(access.app, query, chosen),
        filters,
        missing,
    )
    columns = _columns(found.rows.order_by(*SORTS[query.sort]))
    page = page_of(query, columns, found.count, missing)
    builder = _RowBuilder(access, branches, chosen)
    stored = (_Stored._make(row) for row in page.object_list if isinstance(row, tuple))
    # Skip secrets of a branch that was added after `branches` was read.
    rows = [builder.row(secret) for secret in stored if secret.branch_id in builder.scopes]
    add_notes(access.app, rows)
    return Listing.of(query, page, rows, chosen, found.chips)


def crowded_branches(access: Access, branches: Iterable[Branch]) -> list[tuple[str, int]]:
    """Return branches of which a build's `$secrets` lacks some, with their number of secrets.

    These have more than BUILD_SECRETS at the documented path. Takes one query at most.
    """
    fields = {PathProfile.BOTH: "mirror_version", PathProfile.DOCUMENTED: "version"}
    field = fields.get(PathProfile(access.app.path_profile))
    if field is None:
        return []
    rows = Secret.objects.filter(app=access.app, branch__isnull=False, **{f"{field}__gt": 0})
    counts = rows.values_list("branch_id").annotate(number=Count("pk")).order_by()
    numbers = dict(counts.filter(number__gt=BUILD_SECRETS))
    active = (branch for branch in branches if branch.deleted_at is None)
    return [(branch.name, numbers[branch.pk]) for branch in active if branch.pk in numbers]


def save_state(secret: _Stored | Secret, now: datetime) -> str:
    """Return "saving" while a save is running, "unknown" if its response was lost, otherwise ""."""
    # In these stages, the outcome is known, and only another save has to wait.
    if secret.claim_id is None or secret.claim_stage in ANSWERED:
        return ""
    is_running = leases.is_running(secret.claimed_until, now)
    return "saving" if is_running and secret.claim_stage != LeaseStage.LOST else "unknown"


def find_row(access: Access, secret_id: int, branches: Iterable[Branch]) -> SecretRow | None:
    """Return one secret as a row, or None."""
    return next(iter(find_rows(access, [secret_id], branches)), None)


def find_rows(access: Access, ids: Iterable[int], branches: Iterable[Branch]) -> list[SecretRow]:
    """Return these secrets as rows, by key."""
    found = Secret.objects.filter(app=access.app, pk__in=[*ids]).order_by("key", "pk")
    builder = _RowBuilder(access, [*branches], None)
    stored = map(_Stored._make, _columns(found))
    rows = [builder.row(secret) for secret in stored if secret.branch_id in builder.scopes]
    add_notes(access.app, rows)
    return rows


def _columns(secrets: QuerySet[Secret]) -> QuerySet[Secret, Any]:
    base = Secret.objects.filter(app=OuterRef("app"), branch=None, key=OuterRef("key"))
    return secrets.annotate(
        changed=CHANGED,
        store_time=_STORE_TIME,
        has_base=Exists(base),
    ).values_list(*_Stored._fields)


def _filtered(app: App, query: Query, chosen: Branch | None) -> QuerySet[Secret]:
    secrets = Secret.objects.filter(app=app)
    if chosen:  # show the effective secrets
        # Those that are gone, not written yet, or of which only the mirror is left, hide nothing.
        own_keys = Secret.objects.filter(branch=chosen, version__gt=0).values("key")
        secrets = secrets.filter(Q(branch=chosen) | Q(branch=None) & ~Q(key__in=own_keys))
    elif query.branch == ONLY_ALL_BRANCHES:
        secrets = secrets.filter(branch=None)
    return secrets.filter(matches(app, query))


class _RowBuilder:
    """Builds rows, computing only once what the rows of a branch share."""

    def __init__(self, access: Access, branches: list[Branch], chosen: Branch | None) -> None:
        self.scopes: dict[int | None, dict[str, Any]] = {
            branch.pk if branch else None: {
                "branch": scope_name(branch),
                "mark": branch.mark if branch else "",
                "deleted": branch is not None and branch.deleted_at is not None,
                "locked": why_locked(access, branch),
                "may_reveal": access.may_on(Permission.REVEAL, branch),
                "origin": ("own" if branch else "inherited") if chosen else "",
            }
            for branch in (None, *branches)
        }
        self.app = access.app
        folders = scope_folders(access.app, branches).items()
        self.mirrors = {branch: folder for (branch, mirror), folder in folders if mirror}
        self.folders = {branch: folder for (branch, mirror), folder in folders if not mirror}
        self.now = timezone.now()
        self.is_operator = access.actor.is_operator

    def row(self, secret: _Stored) -> SecretRow:
        """Return a secret as a row."""
        store_time = text_times.parse(secret.store_time) if secret.store_time else None
        changed = text_times.parse(secret.changed) if secret.changed else None
        folder = self.folders.get(secret.branch_id)
        path = f"{folder}/{secret.key}" if folder else ""
        return SecretRow(
            pk=secret.pk,
            key=secret.key,
            branch_id=secret.branch_id,
            has_base=secret.has_base and secret.branch_id is not None,
            version=secret.version,
            mirror_version=secret.mirror_version,
            changed=f"{secret.changed[:16]}Z" if secret.changed else "",
            changed_by=secret.changed_by,
            state=self._state(secret),
            held_until=secret.claimed_until if self._has_lease(secret) else None,
            mirror=self._mirror(secret),
            base=revisions.base(secret.version, store_time, changed),
            unencrypted=secret.unencrypted,
            outside_by=self._principal(secret),
            path=path,
            command=self._command(secret, path),
            **(self.scopes[secret.branch_id] | self._without_value(secret)),
        )

    def _command(self, secret: _Stored, path: str) -> str:
        branch = self.scopes[secret.branch_id]["branch"] if secret.branch_id else ""
        return read_command(self.app, branch, secret.key, path) if path else ""

    def _without_value(self, secret: _Stored) -> dict[str, Any]:
        """Return in what a row without a value differs: nothing can be revealed.

        If only the mirror is left, the branch has no value of its own.
        """
        if secret.version:
            return {}
        is_alone = secret.mirror_version > 0
        return {"may_reveal": False} | ({"origin": ""} if is_alone else {})

    def _principal(self, secret: _Stored) -> str:
        """Return who changed it outside Branchkeep, as far as the actor may know, or ""."""
        if secret.changed_by:
            return ""
        return principal(secret.modified_by, is_operator=self.is_operator)

    def _mirror(self, secret: _Stored) -> str:
        folder = self.mirrors.get(secret.branch_id)
        if folder is None or not fits_path(folder, secret.key):
            return ""
        return mirror_state(
            secret.version, secret.mirror_version, secret.mirror_of, secret.changed_by
        )

    def _state(self, secret: _Stored) -> str:
        return save_state(secret, self.now) or ("gone" if secret.gone_at else "")

    def _has_lease(self, secret: _Stored) -> bool:
        return leases.is_running(secret.claimed_until, self.now)
