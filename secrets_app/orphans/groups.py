"""Find an app's orphans, from the projection: no call to the store.

A secret that remains on a deleted branch is like any other. A parameter that belongs to no known
branch has a row of its own (docs/adr/0047). Both are listed by the folder that holds them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Max
from django.utils import timezone

from console.access.policy import Access, Permission
from console.audit.events import Action, Outcome
from console.models import App, AuditEvent, Branch
from secrets_app.locations import scope_folders
from secrets_app.models import Secret, UnknownParameter
from secrets_app.sync import adopting, unknown_removal
from secrets_app.sync.folders import GEN1_KEY, Folders, Kind
from secrets_app.sync.unknown_removal import NEVER
from secrets_app.writes import leases
from secrets_app.writes.snapshots import audit_target

OWNERS = "Only an owner of the app can add the branch or move these parameters."


class SecretKind(StrEnum):
    """Kinds of orphans that are secrets. `sync.folders.Kind` has those of unknown parameters."""

    DELETED = "deleted"  # of a branch that was deleted in Branchkeep
    NOT_IN_AMPLIFY = "not_in_amplify"  # of a branch that Amplify no longer has


@dataclass(frozen=True)
class Orphan:
    """A parameter that no branch uses. `token` names it in a form, in the state that was shown.

    `modified` is None until the next reconcile after our own write. `used` is when somebody last
    revealed it here; the store doesn't tell. `held_until` is when a removal may be tried again.
    """

    key: str
    path: str
    version: int
    modified: datetime | None
    token: str
    used: datetime | None = None
    held_until: datetime | None = None

    @property
    def folder(self) -> str:
        """Return the folder that holds it."""
        return self.path.rpartition("/")[0]

    @property
    def id(self) -> str:
        """Return the part of the token that names it in any state."""
        return self.token.partition(":")[0]


@dataclass(frozen=True)
class Group:
    """The orphans of one kind, of one branch or in one folder.

    `branch` is the name of their branch, "" if it is unknown. `refusal` says why the actor may not
    move them, or "". `unencrypted` is how many the store doesn't encrypt. `mirrors` is how many of
    them have a mirror, which is in one of the folders and moves with them.
    """

    kind: SecretKind | Kind
    branch: str
    folders: Sequence[str]
    orphans: Sequence[Orphan]
    refusal: str
    deleted_at: datetime | None = None
    unencrypted: int = 0
    mirrors: int = 0

    @property
    def pk(self) -> str:
        """Return the id of the first orphan, which names the group on the page."""
        return self.orphans[0].id

    @property
    def row(self) -> str:
        """Return the row id of the first, which names the group of an unknown branch in a URL."""
        return self.pk.rpartition("-")[2]

    @property
    def environment(self) -> str:
        """Return the environment's name if Amplify Gen 1 wrote them, "" if the folder is deeper."""
        name, *deeper = self.folders[0].split("/")[3:]
        return "" if deeper else name

    @property
    def changed(self) -> datetime | None:
        """Return when one of them last changed."""
        return max((it.modified for it in self.orphans if it.modified), default=None)

    @property
    def used(self) -> datetime | None:
        """Return when one of them was last revealed."""
        return max((it.used for it in self.orphans if it.used), default=None)

    @property
    def tokens(self) -> str:
        """Return all tokens, for one field of a form."""
        return "\n".join(it.token for it in self.orphans)


def find(access: Access) -> list[Group]:
    """Return the app's orphans, as of the last reconcile, in a fixed number of queries."""
    return [*_of_secrets(access), *_unknown(access)]


def _of_secrets(access: Access) -> Iterator[Group]:
    rows = access.app.secrets.filter(branch__deleted_at__isnull=False)
    rows = rows.exclude(version=0, mirror_version=0).order_by("key")
    by_branch: defaultdict[int | None, list[Secret]] = defaultdict(list)
    for row in rows:
        by_branch[row.branch_id].append(row)
    if not by_branch:
        return
    branches = [it for it in access.branches if it.pk in by_branch and not _is_used(access, it)]
    folders = scope_folders(access.app, access.branches)
    used, gone = _last_used(access, branches, rows), _gone_from_amplify(access, branches)
    found = []
    for branch in branches:
        own_kind = SecretKind.NOT_IN_AMPLIFY if branch.name in gone else SecretKind.DELETED
        scope = audit_target(access, branch, "").branch
        by_kind: defaultdict[SecretKind | Kind, list[tuple[Secret, Orphan]]] = defaultdict(list)
        for row in by_branch[branch.pk]:
            if folder := folders.get((branch.pk, not row.version)):  # the profile may have no path
                kind = Kind.GEN1 if _is_gen1(access.app, folder, row.key) else own_kind
                orphan = _of_secret(row, folder, used.get((scope, row.key)))
                by_kind[kind].append((row, orphan))
        mirror = folders.get((branch.pk, True), "")
        found += [_group(access, kind, branch, rows, mirror) for kind, rows in by_kind.items()]
    order = [*SecretKind, Kind.GEN1]
    yield from sorted(found, key=lambda group: order.index(group.kind))


def _group(
    access: Access,
    kind: SecretKind | Kind,
    branch: Branch,
    rows: Sequence[tuple[Secret, Orphan]],
    mirror: str,
) -> Group:
    mirrors = sum(bool(row.version and row.mirror_version) for row, _ in rows)
    return Group(
        kind,
        branch.name,
        sorted({*(orphan.folder for _, orphan in rows), *([mirror] if mirrors else ())}),
        [orphan for _, orphan in rows],
        NEVER if kind is Kind.GEN1 else access.refusal_on(Permission.WRITE, branch),
        branch.deleted_at,
        sum(row.unencrypted for row, _ in rows),
        mirrors,
    )


def _is_gen1(app: App, folder: str, key: str) -> bool:
    """Return True if the path is Amplify Gen 1's, whose environments may outlive the branch."""
    if not key.startswith(GEN1_KEY):
        return False
    return Folders(app, ()).fit(folder, is_gen1=True).kind is Kind.GEN1


def _is_used(access: Access, branch: Branch) -> bool:
    """Return True if a branch that isn't deleted shares the branch's parameters."""
    return any(it.deleted_at is None for it in access.partners.get(branch, ()))


def _of_secret(row: Secret, folder: str, used: datetime | None) -> Orphan:
    return Orphan(
        row.key,
        f"{folder}/{row.key}",
        row.version or row.mirror_version,
        row.modified if row.version else row.mirror_modified,
        f"secret-{row.pk}:{row.base}",
        used,
        row.claimed_until if leases.is_running(row.claimed_until, timezone.now()) else None,
    )


def _last_used(
    access: Access, branches: Iterable[Branch], rows: Iterable[Secret]
) -> dict[tuple[str, str], datetime]:
    """Return when secrets were last revealed, by the scope and key of the audit trail."""
    scopes = {audit_target(access, branch, "").branch for branch in branches}
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id,
        action=Action.SECRET_REVEALED,
        branch__in=scopes,
        subject__in={row.key for row in rows},
        outcomes__outcome=Outcome.SUCCEEDED,
    )
    found = events.values_list("branch", "subject").annotate(last=Max("at")).order_by()
    return {(scope, key): at for scope, key, at in found}


def _gone_from_amplify(access: Access, branches: Iterable[Branch]) -> set[str]:
    """Return the names of branches that were deleted because Amplify no longer had them."""
    deletions = (Action.BRANCH_DELETED, Action.FOUND_BRANCH_DELETED)
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id,
        action__in=deletions,
        branch__in=[branch.name for branch in branches],
        outcomes__outcome=Outcome.SUCCEEDED,
    )
    last = dict(events.order_by("pk").values_list("branch", "action"))
    return {name for name, action in last.items() if action == Action.FOUND_BRANCH_DELETED}


def _unknown(access: Access) -> Iterator[Group]:
    refusal = "" if access.may(Permission.MANAGE) else OWNERS
    by_branch: dict[tuple[str, str], list[adopting.Group]] = {}
    for group in adopting.groups(access):
        name = group.fit.branch if group.fit.kind is Kind.BRANCH else ""
        by_branch.setdefault((group.fit.kind, name or group.folder), []).append(group)
    for same in by_branch.values():
        first = same[0]
        yield Group(
            first.fit.kind,
            first.fit.branch,
            [group.folder for group in same],
            [_of_parameter(row) for group in same for row in group.parameters],
            refusal if first.is_removable else NEVER,
            unencrypted=sum(group.unencrypted for group in same),
        )


def _of_parameter(row: UnknownParameter) -> Orphan:
    is_held = leases.is_running(row.claimed_until, timezone.now())
    return Orphan(
        row.key,
        row.path,
        row.version,
        row.modified,
        f"parameter-{unknown_removal.token(row)}",
        held_until=row.claimed_until if is_held else None,
    )
