"""The recycle bin of an app: removed secrets and variables, from every source."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from console.access.policy import Access, Permission, find_app, find_branch
from console.catalog import services
from console.environment.recycle_bin import RemovedValue
from console.environment.sources import EnvironmentSource, sources
from console.lib.results import Result, RowOutcome
from console.models import App, Branch

SOON = 3  # days that are left


@dataclass(frozen=True)
class BinRow:
    """A removed value as the page shows it. `known_to` are people who left and know it."""

    source: EnvironmentSource
    value: RemovedValue
    may_write: bool
    url: str  # of a removed variable's history; a removed secret has no page
    now: datetime
    known_to: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Return what names the row on the page."""
        return f"{self.source.noun}-{self.value.pk}"

    @property
    def deleted_branch(self) -> Branch | None:
        """Return the deleted branch that the value was removed from, None if it exists."""
        branch = self.value.branch
        return branch if branch and branch.deleted_at else None

    @property
    def place(self) -> str:
        """Return where it was, such as "on dev"."""
        return f"at {self.value.path}" if self.value.path else f"on {self.value.scope}"

    @property
    def days_left(self) -> int:
        """Return how many days are left, the last one counted."""
        return max(1, ceil((self.value.expires_at - self.now) / timedelta(days=1)))

    @property
    def days(self) -> int:
        """Return how many days it is kept."""
        return max(1, round((self.value.expires_at - self.value.removed_at) / timedelta(days=1)))

    @property
    def is_soon(self) -> bool:
        """Return True if it is deleted for good within a few days."""
        return self.days_left <= SOON


def rows_of(access: Access) -> list[BinRow]:
    """Return what is in the app's recycle bin, the first to expire at the top."""
    now = timezone.now()
    found = [
        BinRow(
            source,
            value,
            _may_write(access, value),
            "" if source.is_confidential else source.url(access, value.pk),
            now,
        )
        for source in sources()
        for value in source.bin.removed(access)
    ]
    return sorted(found, key=lambda row: (row.value.expires_at, row.value.key))


def with_people(access: Access, rows: Sequence[BinRow]) -> list[BinRow]:
    """Return the rows, each with the people who left and know its value."""
    found = dict[tuple[str, int], Sequence[str]]()
    for source in sources():
        pks = {row.value.pk for row in rows if row.source is source}
        found |= {(source.noun, pk): it for pk, it in source.bin.known_to(access, pks).items()}
    return [replace(row, known_to=found.get((row.source.noun, row.value.pk), ())) for row in rows]


def _may_write(access: Access, value: RemovedValue) -> bool:
    """Return True if the actor may restore or delete a value."""
    if value.path:
        return access.may(Permission.MANAGE)
    return access.may_on(Permission.WRITE, value.branch)


def number_in(app: App) -> int:
    """Return how many values are in the app's recycle bin. Takes one query."""
    first, *others = (source.bin.kept(app).order_by().values("pk") for source in sources())
    return first.union(*others, all=True).count()


def find_row(access: Access, noun: str, pk: int) -> BinRow | None:
    """Return a row of the app's recycle bin, or None if it has left. Raises Http404."""
    if noun not in {source.noun for source in sources()}:
        raise Http404("There is no such kind of value.")
    rows = (row for row in rows_of(access) if row.source.noun == noun)
    return next((row for row in rows if row.value.pk == pk), None)


def restore(
    access: Access, row: BinRow, change_set: uuid.UUID, *, to: int | None, base: str
) -> RowOutcome:
    """Restore a value on the branch with the id `to` (None is All branches).

    If its own branch was deleted, that is added again first, which needs the permission for that.
    Raises Http404, also for another deleted branch, PermissionDenied, ConfirmationRequired,
    ValidationError, or an error of the source's store.
    """
    branch = None if to is None else find_branch(access, to)
    if branch is not None and branch.deleted_at is not None:
        # A restore elsewhere asks for more, and may be refused after the branch came back.
        if branch != row.value.branch:
            raise Http404("Branch not found.")
        fields = {"name": branch.name, "stage": branch.stage, "protected": branch.protected}
        app_id = access.app.app_id
        services.add_branch(actor=access.actor, app_id=app_id, fields=fields)
        access = find_app(access.actor, app_id)
        branch = find_branch(access, branch.pk)
    outcome = row.source.bin.restore(access, row.value.pk, change_set, to=branch, base=base)
    if outcome.outcome is Result.DENIED:
        raise PermissionDenied(outcome.message)
    return outcome
