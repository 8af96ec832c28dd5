"""Adopt what an app's store held before Branchkeep: add the branch that parameters belong to.

Such a parameter has no row in the projection of secrets, but one of its own (docs/adr/0047).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404

from console.access import acts
from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Action
from console.catalog import services
from console.models import App, Branch, BranchConnection, Stage
from secrets_app.locations import scope_folders
from secrets_app.models import UnknownParameter
from secrets_app.sync import reconciling
from secrets_app.sync.folders import (
    GEN1_KEY,
    HAS_GEN1_KEY,
    REMOVABLE,
    Fit,
    Folders,
    Kind,
    names_in,
)

WRONG_NAME = (
    "Amplify would keep the secrets of a branch with this name in another folder. Enter the name "
    "exactly as in Git."
)


@dataclass(frozen=True)
class Group:
    """The parameters of one folder that are of one kind."""

    fit: Fit
    folder: str
    parameters: Sequence[UnknownParameter]

    @property
    def is_removable(self) -> bool:
        """Return True if Branchkeep may remove these parameters."""
        return self.fit.kind in REMOVABLE

    @property
    def unencrypted(self) -> int:
        """Return how many the store doesn't encrypt."""
        return sum(not parameter.encrypted for parameter in self.parameters)


@dataclass(frozen=True)
class Numbers:
    """How many parameters belong to no known branch, and how many of these may be removed."""

    unknown: int = 0
    removable: int = 0
    other_path: int = 0


def numbers(access: Access) -> Numbers:
    """Return how many parameters of the app belong to no known branch. Takes one query."""
    rows = access.app.unknown_parameters.values_list("folder").annotate(
        others=Count("pk", filter=~HAS_GEN1_KEY), gen1=Count("pk", filter=HAS_GEN1_KEY)
    )
    found = [*rows.order_by()]
    folders, used, counts = _folders(access), _used(access), defaultdict[Kind, int](int)
    for folder, others, gen1 in found:
        if folder not in used:
            counts[folders.fit(folder).kind] += others
        if folder not in used or folders.fit(folder, is_gen1=True).kind is Kind.GEN1:
            counts[folders.fit(folder, is_gen1=True).kind] += gen1
    other_path, removable = counts[Kind.OTHER_PATH], counts[Kind.BRANCH]
    return Numbers(sum(counts.values()) - other_path, removable, other_path)


def groups(access: Access) -> list[Group]:
    """Return the app's parameters that belong to no known branch, by folder and kind."""
    rows = [*access.app.unknown_parameters.order_by("folder", "key")]
    seen = names_in({row.folder for row in rows})
    folders, used = _folders(access, [*seen, *_proposed(access.app)]), _used(access)
    found: defaultdict[tuple[str, Fit], list[UnknownParameter]] = defaultdict(list)
    for row in rows:
        fit = folders.fit(row.folder, is_gen1=row.key.startswith(GEN1_KEY))
        if row.folder not in used or fit.kind is Kind.GEN1:
            found[row.folder, fit].append(row)
    order = list(Kind)
    return sorted(
        (Group(fit, folder, rows) for (folder, fit), rows in found.items()),
        key=lambda group: (order.index(group.fit.kind), group.folder),
    )


def find_group(access: Access, pk: int) -> Group:
    """Return the group that has the row. Raises Http404."""
    for group in groups(access):
        if any(row.pk == pk for row in group.parameters):
            return group
    raise Http404("These parameters are no longer listed.")


def add_branch(*, actor: Actor, app_id: str, pk: int, name: str) -> Branch:
    """Add the branch that a folder belongs to, protected, and reconcile.

    Protected, because nobody knows yet what its values open. Raises Http404, PermissionDenied, or
    ValidationError if the folder isn't that of a branch with this name.
    """
    access = find_app(actor, app_id)
    acts.require(access, Action.BRANCH_ADDED)
    group = find_group(access, pk)
    if group.fit.kind is not Kind.BRANCH or not _folders(access).belongs_to(group.folder, name):
        raise ValidationError({"name": WRONG_NAME})
    fields = {"name": name, "stage": Stage.NONE, "production": False, "protected": True}
    branch = services.add_branch(actor=actor, app_id=app_id, fields=fields)
    reconciling.reconcile_now(access.app, reconciling.REQUEST_CALLS)
    return branch


def _folders(access: Access, possible: Iterable[str] = ()) -> Folders:
    names = [branch.name for branch in access.branches]
    return Folders(access.app, names, possible)


def _used(access: Access) -> set[str]:
    """Return the folders that the app's path profile uses. Their parameters are secrets."""
    return {*scope_folders(access.app, access.branches).values()}


def _proposed(app: App) -> Iterator[str]:
    """Yield names of branches that Amplify mentions. Those that it has itself are known."""
    rows = BranchConnection.objects.filter(branch__app=app)
    for names in rows.values_list("source_branch", "destination_branch"):
        yield from names
