"""Everything that an app's Overview shows, from the database alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.access.policy import Access, Permission
from console.environment.faults import Check, Fault, FaultKind
from console.environment.keys import OwnKey
from console.environment.sources import EnvironmentSource, source_of, sources
from console.lib.clock import oldest
from console.models import Branch
from console.workflows.coverage import Coverage, coverage, own_keys
from console.workflows.deployments.effects import BranchState, Effects, of_app
from console.workflows.overview import faults
from console.workflows.overview.changes import ChangeSet, recent_changes
from console.workflows.overview.faults import Line
from console.workflows.overview.first_steps import Step, first_steps
from console.workflows.warnings import finding

_OUTSIDE = (FaultKind.OUTSIDE, FaultKind.REMOVED_OUTSIDE)


@dataclass(frozen=True)
class Tally:
    """How many of a source's keys a branch has itself, inherits, and lacks."""

    noun: str
    own: int
    inherited: int
    missing: int
    missing_url: str

    @property
    def total(self) -> int:
        """Return the number of keys."""
        return self.own + self.inherited + self.missing

    @property
    def had(self) -> int:
        """Return the number of keys that the branch gets."""
        return self.own + self.inherited


@dataclass(frozen=True)
class Card:
    """A branch. `changed_at` is when one of its own values last changed, by `changed_by`.

    `changed_by` "" is somebody outside Branchkeep, where `outside` were changed. `waiting` is the
    number of variables that wait for Amplify.
    """

    branch: Branch
    tallies: Sequence[Tally]
    outside: Sequence[Fault]
    waiting: int
    changed_at: datetime | None
    changed_by: str
    state: BranchState | None
    may_write: bool

    @property
    def outside_url(self) -> str:
        """Return the page of what was changed outside, or the list of it and others."""
        first = self.outside[0]
        own = f"{first.list_url}&branch={self.branch.pk}"
        return first.url if len(self.outside) == 1 else own

    @property
    def is_empty(self) -> bool:
        """Return True if there are neither secrets nor variables."""
        return not any(tally.total for tally in self.tallies)


@dataclass(frozen=True)
class Overview:
    """The page. `cards` are the branches, production first.

    `dismissed` is the number of warnings that somebody dismissed.
    """

    cards: Sequence[Card]
    lines: Sequence[Line]
    checks: Sequence[Check]
    changes: Sequence[ChangeSet]
    effects: Effects
    dismissed: int
    steps: Sequence[Step]

    @property
    def checked_at(self) -> datetime | None:
        """Return when the store that was checked longest ago was checked; None if one never was."""
        return oldest(check.at for check in self.checks)

    @property
    def done(self) -> int:
        """Return how many of the first steps are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def is_reachable(self) -> bool:
        """Return True if every store answered when it was last checked."""
        return all(check.is_reachable for check in self.checks)

    @property
    def is_checking(self) -> bool:
        """Return True while a check is running."""
        return any(check.is_running for check in self.checks)


def overview(access: Access) -> Overview:
    """Return the page. The number of queries doesn't depend on the number of branches and keys."""
    keys = own_keys(access)
    found = [_Found.of(access, source_of(noun), keys) for noun in keys]
    effects = of_app(access)
    checks = [check for it in sources() if (check := it.last_check(access))]
    every = [fault for one in found for fault in one.faults]
    every += faults.failed_deployments(access, effects)
    every += faults.unreachable(access, checks)
    warnings = finding.of_app(access)
    every += faults.warnings(access, warnings)
    live = (branch for branch in access.branches if branch.deleted_at is None)
    return Overview(
        cards=[
            _card(access, branch, found, effects)
            for branch in sorted(live, key=lambda branch: not branch.production)
        ],
        lines=faults.lines_of(every, access.branches),
        checks=checks,
        changes=recent_changes(access),
        effects=effects,
        dismissed=sum(it.dismissed is not None for it in warnings),
        steps=first_steps(access, has_values=any(one.rows for one in found)),
    )


@dataclass(frozen=True)
class _Found:
    """What a source tells of the app."""

    source: EnvironmentSource
    rows: dict[int | None, list[OwnKey]]
    coverage: Coverage
    faults: list[Fault]

    @classmethod
    def of(
        cls, access: Access, source: EnvironmentSource, keys: Mapping[str, Sequence[OwnKey]]
    ) -> "_Found":
        """Return what a source tells. `keys` are those of every source, by noun."""
        rows: dict[int | None, list[OwnKey]] = {}
        for key in keys[source.noun]:
            rows.setdefault(key.branch_id, []).append(key)
        found = coverage(source.noun, keys, access.branches)
        every = [*source.faults(access), *faults.missing(access, found)]
        return cls(source, rows, found, every)

    def tally(self, access: Access, branch: Branch) -> Tally:
        return Tally(
            self.source.noun,
            len(self.coverage.own[branch.pk]),
            len(self.coverage.inherited(branch.pk)),
            len(self.coverage.missing[branch.pk]),
            faults.missing_url(access, branch, self.source.noun),
        )


def _card(access: Access, branch: Branch, found: Iterable[_Found], effects: Effects) -> Card:
    rows = [row for one in found for row in one.rows.get(branch.pk, ())]
    changed = max((row for row in rows if row.changed_at), key=_time, default=None)
    return Card(
        branch=branch,
        tallies=[one.tally(access, branch) for one in found],
        outside=[
            fault
            for one in found
            for fault in one.faults
            if fault.branch_id == branch.pk and fault.kind in _OUTSIDE
        ],
        waiting=sum(
            row.is_pending
            for one in found
            if not one.source.is_confidential
            for row in one.rows.get(branch.pk, ())
        ),
        changed_at=changed.changed_at if changed else None,
        changed_by=changed.changed_by if changed else "",
        state=effects.branches.get(branch.pk),
        may_write=access.may_on(Permission.WRITE, branch),
    )


def _time(row: OwnKey) -> float:
    return row.changed_at.timestamp() if row.changed_at else 0.0
