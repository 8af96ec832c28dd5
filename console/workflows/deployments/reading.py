"""Read the deployments of a connected app from Amplify into the database.

Pages show what is in the database. After loading, the browser asks for a refresh, which happens at
most once per MIN_INTERVAL and app. It takes one call per branch, and one more for a deployment that
is running, to get its steps. It reads no further branch after PATIENCE; the next refresh goes on.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.amplify.base import AmplifyService, Job, JobStatus, Step
from console.amplify.errors import AmplifyError, NotFound
from console.amplify.service import is_on, service
from console.lib.text.unprintable import escape_unprintable
from console.models import BranchConnection, Connection, Deployment
from console.workflows.deployments import settling
from console.workflows.deployments.settling import is_number

MIN_INTERVAL = timedelta(seconds=15)  # between the starts of two refreshes of an app
WATCHED_INTERVAL = timedelta(minutes=1)  # between two readings of a branch, while a page is open
PATIENCE = 5.0  # seconds
LISTED = 10  # jobs of a branch, in one call
KEPT = 2  # newest deployments of a branch, besides the last successful one
RUNNING = [status.value for status in JobStatus if status.is_running]
_UPDATED = ["status", "kind", "commit_id", "commit_message", "started_at", "ended_at", "steps"]


def connection_of(access: Access) -> Connection | None:
    """Return the app's connection to Amplify, None if it isn't connected."""
    return getattr(access.app, "connection", None)


def in_amplify(access: Access) -> QuerySet[BranchConnection]:
    """Return the app's branches that Amplify has."""
    found = BranchConnection.objects.filter(branch__app=access.app, branch__deleted_at=None)
    return found.select_related("branch__app")


def refresh(*, actor: Actor, app_id: str, is_watching: bool = False) -> None:
    """Read the deployments of an app's branches, unless that was done a moment ago.

    `is_watching` is for a page that stays open: it reads what is running, and the rest less often.
    Raises no AmplifyError: pages say how old the last state is, and why.
    """
    access = find_app(actor, app_id)
    connection = connection_of(access)
    if connection is None or not is_on() or not _take_turn(connection):
        return
    problem = ""
    try:
        _read_due(access, WATCHED_INTERVAL if is_watching else MIN_INTERVAL)
    except AmplifyError as error:
        problem = error.message
    Connection.objects.filter(pk=connection.pk).update(jobs_problem=problem[:200])


def _take_turn(connection: Connection) -> bool:
    now = timezone.now()
    # The conditional UPDATE succeeds in only one of all processes.
    free = Connection.objects.filter(_is_older("jobs_attempted_at", MIN_INTERVAL), pk=connection.pk)
    return bool(free.update(jobs_attempted_at=now))


def _is_older(name: str, interval: timedelta) -> Q:
    """Return the condition that a time is further away than the interval, or null.

    One that lies further ahead was recorded before the clock was set back.
    """
    now = timezone.now()
    near = Q(**{f"{name}__range": (now - interval, now + interval)})
    return Q(**{name: None}) | ~near


def _read_due(access: Access, interval: timedelta) -> None:
    """Read the branches that are due, those first that were read longest ago."""
    amplify, end = service(), monotonic() + PATIENCE
    running = Deployment.objects.filter(status__in=RUNNING).values("branch")
    due = in_amplify(access).filter(_is_older("jobs_read_at", interval) | Q(branch__in=running))
    never = datetime.min.replace(tzinfo=UTC)
    for row in sorted(due, key=lambda row: row.jobs_read_at or never):
        read_branch(amplify, row)
        if monotonic() > end:
            break


def read_branch(amplify: AmplifyService, row: BranchConnection) -> Sequence[Job]:
    """Read and store a branch's newest jobs; return them, newest first. Raises AmplifyError.

    Returns no job for a branch that Amplify no longer has. Its last state stays.
    """
    branch, read_at = row.branch, timezone.now()
    try:
        jobs = list(amplify.jobs(branch.app.app_id, branch.name, limit=LISTED))
    except NotFound:
        jobs = []
    detailed = [_detailed(amplify, row, job) for job in _with_steps(row, jobs)]
    store(row, [*detailed, *jobs], read_at)
    settling.settle(branch, jobs, read_at)
    return jobs


def _with_steps(row: BranchConnection, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs of which the steps are needed.

    These are the one that is running, and once the last successful one, whose durations tell how
    long each step may take.
    """
    if not jobs or not jobs[0].status.is_running:
        return []
    known = row.branch.deployments.filter(status=JobStatus.SUCCEED).exclude(steps=[])
    ids = set(known.values_list("job_id", flat=True))
    last = next((job for job in jobs if job.status is JobStatus.SUCCEED), None)
    return [jobs[0], *([last] if last and last.job_id not in ids else [])]


def _detailed(amplify: AmplifyService, row: BranchConnection, job: Job) -> Job:
    return amplify.job(row.branch.app.app_id, row.branch.name, job.job_id)


@transaction.atomic
def store(row: BranchConnection, jobs: Sequence[Job], read_at: datetime) -> None:
    """Store jobs of a branch, and drop older ones. Of two with the same id the first counts.

    Amplify numbers the jobs of a branch. One with another id is left out.
    """
    branch = row.branch
    known = {it.job_id: it for it in branch.deployments.select_for_update()}
    new: dict[str, Deployment] = {}
    for job in jobs:
        is_known = job.job_id in new or not is_number(job.job_id)
        if not is_known and not _is_settled(known.get(job.job_id), job):
            new[job.job_id] = Deployment(branch=branch, **_columns(job))
    Deployment.objects.bulk_create(
        new.values(),
        update_conflicts=True,
        unique_fields=["branch", "job_id"],
        update_fields=_UPDATED,
    )
    _drop_older([*(it for it in known.values() if it.job_id not in new), *new.values()])
    BranchConnection.objects.filter(pk=row.pk).update(jobs_read_at=read_at)


def _is_settled(known: Deployment | None, job: Job) -> bool:
    """Return True if the job is known to have ended, and this tells nothing new.

    A list that was asked for earlier than another can arrive later. A retried job starts again.
    """
    if known is None or known.status in RUNNING or (job.steps and not known.steps):
        return False
    return not (job.started_at and known.started_at and job.started_at > known.started_at)


def _columns(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "status": job.status.value,
        "kind": job.kind[:10],
        "commit_id": _line(job.commit_id)[:255],
        "commit_message": _line(job.commit_message)[:500],
        "started_at": job.started_at,
        "ended_at": None if job.status.is_running else job.ended_at,
        "steps": [_step(step) for step in job.steps],
    }


def _line(text: str) -> str:
    """Return the first line of a text from outside, without characters that can't be seen."""
    first = text.strip().partition("\n")[0].rstrip("\r")
    return str(escape_unprintable(first, keep=""))


def _step(step: Step) -> dict[str, str | None]:
    return {
        "name": _line(step.name)[:100],
        "status": step.status.value,
        "started_at": step.started_at.isoformat() if step.started_at else None,
        "ended_at": step.ended_at.isoformat() if step.ended_at else None,
    }


def _drop_older(deployments: Sequence[Deployment]) -> None:
    """Delete all but the newest deployments and the last successful one."""
    newest = sorted(deployments, key=lambda it: it.number, reverse=True)
    last = next((it for it in newest if it.status == JobStatus.SUCCEED), None)
    older = [it.job_id for it in newest[KEPT:] if it is not last]
    if older:
        Deployment.objects.filter(branch=newest[0].branch, job_id__in=older).delete()
