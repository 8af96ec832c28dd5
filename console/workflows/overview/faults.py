"""What needs attention, grouped so that a thousand faults take as many lines as there are kinds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.urls import reverse

from console.access.policy import Access
from console.amplify.base import JobStatus
from console.environment.faults import Check, Fault, FaultKind
from console.models import Branch
from console.workflows.coverage import Coverage
from console.workflows.deployments.effects import Effects
from console.workflows.deployments.reading import connection_of
from console.workflows.warnings.finding import WarningGroup

SHOWN_KEYS = 3


@dataclass(frozen=True)
class Line:
    """Faults of one kind, in one line.

    `scope` is that of the first one, None is All branches. `scopes` is the number of scopes, and
    `more` how many keys aren't named.
    """

    kind: FaultKind
    noun: str
    number: int
    keys: Sequence[str]
    more: int
    scope: Branch | None
    scopes: int
    at: datetime | None
    url: str

    @property
    def is_bad(self) -> bool:
        """Return True if deployed values are wrong, or may be."""
        return self.kind in _BAD


_BAD = (
    FaultKind.MISSING,
    FaultKind.FAILED,
    FaultKind.REMOVED_OUTSIDE,
    FaultKind.UNSETTLED,
    FaultKind.NOT_PUSHED,
)


def lines_of(faults: Iterable[Fault], branches: Iterable[Branch]) -> list[Line]:
    """Return the faults in lines, the most urgent kind first."""
    order = list(FaultKind)
    ordered = sorted(faults, key=lambda fault: (order.index(fault.kind), fault.noun))
    scopes = {branch.pk: branch for branch in branches}
    return [
        _line([*group], scopes)
        for _, group in groupby(ordered, key=lambda fault: (fault.kind, fault.noun))
    ]


def _line(group: Sequence[Fault], branches: dict[int, Branch]) -> Line:
    first, scopes = group[0], {fault.branch_id for fault in group}
    keys = list(dict.fromkeys(fault.key for fault in group if fault.key))
    return Line(
        kind=first.kind,
        noun=first.noun,
        number=sum(fault.number for fault in group),
        keys=keys[:SHOWN_KEYS],
        more=len(keys) - len(keys[:SHOWN_KEYS]),
        scope=branches.get(first.branch_id) if first.branch_id else None,
        scopes=len(scopes),
        at=first.at if len(group) == 1 else None,
        url=first.url if len(group) == 1 else first.list_url,
    )


def missing(access: Access, found: Coverage) -> Iterator[Fault]:
    """Return what production lacks, and what other branches lack that production has.

    Previews of pull requests are left out: they come and go. So is an app without a production
    branch, because nobody knows what its branches should have.
    """
    live = [branch for branch in access.branches if branch.deleted_at is None]
    production = next((branch for branch in live if branch.production), None)
    for branch in live if production else ():
        is_production = branch == production
        if not is_production and _is_preview(branch):
            continue
        kind = FaultKind.MISSING if is_production else FaultKind.LACKING
        url = missing_url(access, branch)
        for key in sorted(found.missing.get(branch.pk, ())):
            yield Fault(kind, "key", url, url, key, branch.pk)


def missing_url(access: Access, branch: Branch, noun: str = "") -> str:
    """Return the comparison of what is missing on production, or on any branch."""
    show = "missing-production" if branch.production else "missing"
    kind = f"&kind={noun}" if noun else ""
    return f"{reverse('compare', args=[access.app.app_id])}?show={show}{kind}"


def _is_preview(branch: Branch) -> bool:
    return hasattr(branch, "connection") and branch.connection.is_preview


def failed_deployments(access: Access, effects: Effects) -> Iterator[Fault]:
    """Return the branches whose last deployment failed."""
    url = reverse("deployments", args=[access.app.app_id])
    for state in effects.branches.values():
        job = state.latest
        if job and job.status == JobStatus.FAILED:
            at = job.ended_at or job.started_at
            own = f"{url}#b-{state.branch.pk}"
            yield Fault(FaultKind.FAILED, "deployment", own, url, job.job_id, state.branch.pk, at)


def warnings(access: Access, found: Iterable[WarningGroup]) -> Iterator[Fault]:
    """Return the warnings that nobody dismissed. Their lines lead to the page that lists all."""
    url = reverse("warnings", args=[access.app.app_id])
    for it in (warning for one in found if not one.dismissed for warning in one.warnings):
        yield Fault(FaultKind.WARNING, it.noun, url, url, it.key, it.branch_id)


def unreachable(access: Access, checks: Iterable[Check]) -> Iterator[Fault]:
    """Return what did not answer when it was last asked."""
    for check in checks:
        if not check.is_reachable:
            yield Fault(FaultKind.UNREACHABLE, check.store, check.url, check.url, at=check.at)
    connection = connection_of(access)
    if connection and (connection.problem or connection.jobs_problem):
        url = reverse("deployments", args=[access.app.app_id])
        yield Fault(FaultKind.UNREACHABLE, "Amplify", url, url, at=connection.refreshed_at)
