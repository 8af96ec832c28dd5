"""Push what was saved here to Amplify: read the scope, merge, write once, read it again.

Nothing stays open across a call. Whatever cuts a push off, its rows stay pending, and the next push
begins by reading what the last one reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep

from django.db import transaction
from django.db.models import Count, Min, Q
from django.utils import timezone

from console.amplify.base import AmplifyApp, AmplifyBranch, AmplifyService
from console.amplify.errors import AmplifyError, OutcomeUnknown, Unavailable
from console.amplify.pushes import LONGEST_CALL, PATIENCE, Pushed
from console.aws import limits
from console.lib.clock import is_within
from console.models import App
from envvars_app.amplify_sync.attempts import attempt
from envvars_app.amplify_sync.leases import Lease, LeaseLost, leased
from envvars_app.amplify_sync.merging import FILLER, Merge, Pending, is_text, merge
from envvars_app.amplify_sync.observing import Observed, Reading, lock, observe
from envvars_app.models import (
    MapVersion,
    Synced,
    SyncedBuildSpec,
    SyncedScope,
    SyncedVariable,
    SyncState,
)

PAUSE = timedelta(seconds=15)  # after a failed push, before a page tries again
VERSIONS_KEPT = 100  # maps of a scope
LOOKS, BETWEEN_LOOKS = 20, 0.1  # at whether another push has ended, and seconds in between


class Clock:
    """How long the caller still waits. A call begins only if it ends in time."""

    def __init__(self, patience: float | None) -> None:
        self._ends = None if patience is None else monotonic() + patience

    @property
    def has_time(self) -> bool:
        """Return True if there is time for another call."""
        return self._ends is None or monotonic() + LONGEST_CALL <= self._ends

    @property
    def is_patient(self) -> bool:
        """Return True if the caller waits as long as it takes."""
        return self._ends is None


@dataclass(frozen=True, slots=True)
class Change:
    """What a push writes: a map of variables, a build specification, or both."""

    merge: Merge | None
    text: str | None

    def reached(self, reading: Reading) -> int:
        """Return how many of its values Amplify holds."""
        pushed: Mapping[str, str | None] = self.merge.pushed if self.merge else {}
        arrived = sum(reading.variables.get(key) == value for key, value in pushed.items())
        return arrived + (self.text is not None and reading.build_spec == self.text)

    @property
    def size(self) -> int:
        """Return how many values it brings."""
        return (len(self.merge.pushed) if self.merge else 0) + (self.text is not None)


def push(
    service: AmplifyService, app: App, patience: float | None = PATIENCE, *, at_once: bool = False
) -> Pushed:
    """Push what waits of an app, the longest waiting scope first. Raises no AmplifyError.

    Leaves out what has just failed, unless `at_once` is True or there is no limit to the patience.
    `at_once` is for somebody who asks for it, so it also waits a moment for another push.
    """
    with limits.patience(patience):
        clock = Clock(patience)
        scopes = waiting_scopes(app, with_failed=at_once or clock.is_patient)
        if at_once:
            _wait_for_others(scopes)
        return _push_scopes(service, app, scopes, clock)


def _wait_for_others(scopes: Sequence[SyncedScope]) -> None:
    """Wait for pushes that are under way, such as a page's own after a save: two seconds."""
    held = SyncedScope.objects.filter(
        pk__in=[scope.pk for scope in scopes],
        held_until__gt=timezone.now(),
        problem="",  # otherwise it may be held for a lost request, which takes longer
    )
    for _ in range(LOOKS):
        if not held.exists():
            return
        sleep(BETWEEN_LOOKS)


def _push_scopes(
    service: AmplifyService, app: App, scopes: Sequence[SyncedScope], clock: Clock
) -> Pushed:
    done, problem = 0, ""
    for scope in scopes:
        if not clock.has_time:
            break
        try:
            done += _push_scope(service, scope, clock)
        except AmplifyError as error:
            problem = problem or error.message
            if isinstance(error, Unavailable):
                break  # the next scope would fail too
    return counted(app, done, problem)


def counted(app: App, done: int = 0, problem: str = "") -> Pushed:
    """Return how much waits to be pushed, and how much needs a decision first. Two queries."""
    waiting = left = 0
    goes = Q(state=SyncState.PENDING, problem="")
    for model in (SyncedVariable, SyncedBuildSpec):
        rows = model.objects.filter(scope__app=app, pending_at__isnull=False)
        counts = rows.aggregate(goes=Count("pk", filter=goes), all=Count("pk"))
        waiting, left = waiting + counts["goes"], left + counts["all"] - counts["goes"]
    return Pushed(done, waiting, left, problem)


def waiting_scopes(app: App, *, with_failed: bool) -> list[SyncedScope]:
    """Return the scopes with something to push, with or without those that have just failed."""
    now = timezone.now()
    waits = Q(variables__state=SyncState.PENDING, variables__problem="") | Q(
        build_spec__state=SyncState.PENDING, build_spec__problem=""
    )
    scopes = (
        SyncedScope.objects.filter(waits, app=app)
        .filter(Q(branch=None) | Q(branch__deleted_at=None))
        .annotate(since=Min("variables__pending_at"))
        .select_related("app", "branch")
        .order_by("since", "pk")
    )
    return [scope for scope in scopes if with_failed or not _has_just_failed(scope, now)]


def _has_just_failed(scope: SyncedScope, now: datetime) -> bool:
    at = scope.attempted_at
    return bool(scope.problem) and at is not None and is_within(PAUSE, now - at)


def _push_scope(service: AmplifyService, scope: SyncedScope, clock: Clock) -> int:
    """Push a scope and return how many values reached Amplify. Raises AmplifyError."""
    try:
        with leased(scope) as lease:
            if lease is None:
                return 0
            reading = _read(service, scope)
            change = _begin(lease, reading)
            if change is None or not clock.has_time:
                return 0
            return _write_and_read(service, lease, change, clock)
    except LeaseLost:
        return 0


def _write_and_read(service: AmplifyService, lease: Lease, change: Change, clock: Clock) -> int:
    scope, reading = lease.scope, None
    unknown: AmplifyError | None = None
    lease.may_arrive = True
    try:
        reading = _write(service, scope, change)
        lease.may_arrive = False
    except OutcomeUnknown as error:
        unknown = error
    except AmplifyError:
        lease.may_arrive = False
        raise
    try:
        if clock.has_time:
            reading = _read(service, scope)
    except AmplifyError as error:
        unknown = unknown or (error if reading is None else None)
    if reading is None:
        raise unknown or OutcomeUnknown()
    reached = _end(scope, reading, change)
    if reached == change.size:
        lease.may_arrive = False
    elif unknown:
        raise unknown
    return reached


def _read(service: AmplifyService, scope: SyncedScope) -> Reading:
    at, app_id = timezone.now(), scope.app.app_id
    remote = (
        service.app(app_id) if scope.branch is None else service.branch(app_id, scope.branch.name)
    )
    return Reading.of(remote, at)


def _write(service: AmplifyService, scope: SyncedScope, change: Change) -> Reading:
    """Write the change, and return what Amplify answers that it holds."""
    at, app_id = timezone.now(), scope.app.app_id
    name = scope.branch.name if scope.branch else None
    remote: AmplifyApp | AmplifyBranch | None = None
    if change.merge is not None:
        variables = change.merge.variables
        remote = (
            service.set_app_variables(app_id, variables)
            if name is None
            else service.set_branch_variables(app_id, name, variables)
        )
    if change.text is not None:
        remote = (
            service.set_app_build_spec(app_id, change.text)
            if name is None
            else service.set_branch_build_spec(app_id, name, change.text)
        )
    if remote is None:
        raise ValueError("The change is empty.")
    return Reading.of(remote, at)


@transaction.atomic(durable=True)
def _begin(lease: Lease, reading: Reading) -> Change | None:
    """Take in what was read, and commit the audit events of what is written next.

    Returns None if there is nothing to write. Raises LeaseLost.
    """
    scope = lease.scope
    lock(scope.app)
    lease.renew()
    observed = observe(scope, reading)
    if not observed.is_new:
        return None  # somebody has read it since, and the next push reads again
    waiting = observed.waiting()
    permitted = attempt(scope, waiting)
    variables = [row for row in permitted if isinstance(row, SyncedVariable)]
    for row in permitted:
        row.sent = observed.ours(row)
    _store_attempts(waiting)
    if not permitted:
        return None
    if variables:
        _keep_version(scope, reading.variables)
    return Change(
        _merge(reading, observed, variables) if variables else None,
        observed.text if len(variables) < len(permitted) else None,
    )


def _merge(reading: Reading, observed: Observed, rows: list[SyncedVariable]) -> Merge:
    held = reading.variables
    return merge(held, {row.key: Pending(held.get(row.key), observed.ours(row)) for row in rows})


def _store_attempts(rows: list[Synced]) -> None:
    fields = ["event_id", "sent", "problem"]
    if variables := [row for row in rows if isinstance(row, SyncedVariable)]:
        SyncedVariable.objects.bulk_update(variables, fields)
    for row in rows:
        if isinstance(row, SyncedBuildSpec):
            row.save(update_fields=fields)


def _keep_version(scope: SyncedScope, held: Mapping[str, str]) -> None:
    """Keep what Amplify holds before the write, except what was moved to the secrets."""
    moved = {FILLER, *scope.variables.filter(is_moved=True).values_list("key", flat=True)}
    kept = {
        key: value
        for key, value in held.items()
        if key not in moved and is_text(key) and is_text(value)
    }
    MapVersion.objects.create(scope=scope, at=timezone.now(), variables=kept)
    newest = scope.versions.order_by("-pk").values_list("pk", flat=True)
    if outdated := list(newest[VERSIONS_KEPT:]):
        MapVersion.objects.filter(pk__in=outdated).delete()


@transaction.atomic(durable=True)
def _end(scope: SyncedScope, reading: Reading, change: Change) -> int:
    """Take in what was read after the write; return how many values reached Amplify."""
    lock(scope.app)
    observe(scope, reading)
    return change.reached(reading)
