"""Settle redeploys and stops whose answer was lost, or that a stopped process didn't conclude.

A list of the branch's deployments tells what happened: the event holds the newest deployment that
there was before (a redeploy), or the one to stop.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from console.amplify.base import Job, JobStatus
from console.audit.events import Action, Outcome, conclude
from console.audit.queries import with_outcomes
from console.audit.reconcile import REQUEST_AGE
from console.models import AuditEvent, Branch

LATE = timedelta(minutes=2)  # far longer than a request to Amplify can be on its way
LOOK_BACK = timedelta(days=7)
ID_LIMIT = 255  # characters of a job's id
LARGEST = 2**31 - 1  # that the audit tables can hold


def is_number(job_id: str) -> bool:
    """Return True if a job's id is as Amplify gives it."""
    return job_id.isascii() and job_id.isdecimal() and len(job_id) <= ID_LIMIT


def number_of(job_id: str) -> int | None:
    """Return a job's number for the audit trail, None if there is no job."""
    number = int(job_id) if is_number(job_id) else 0
    return number if 0 < number <= LARGEST else None


def settle(branch: Branch, jobs: Sequence[Job], read_at: datetime) -> None:
    """Conclude what the branch's newest jobs, read at `read_at`, tell about open events."""
    for event in _open(branch, read_at):
        is_start = event.action == Action.DEPLOYMENT_STARTED
        is_late = event.at < read_at - LATE
        found = (_started if is_start else _stopped)(event, jobs, is_late)
        if found:
            detail, number = found
            conclude(event.pk, Outcome.SETTLED, version_after=number, detail=detail)


def _open(branch: Branch, read_at: datetime) -> Any:
    events = AuditEvent.objects.filter(
        action__in=(Action.DEPLOYMENT_STARTED, Action.DEPLOYMENT_STOPPED),
        app_id=branch.app.app_id,
        branch=branch.name,
        at__gte=read_at - LOOK_BACK,
    )
    # Without an outcome, the request may still be running.
    cut_off = Q(last_outcome=None, at__lt=read_at - REQUEST_AGE)
    return with_outcomes(events).filter(Q(last_outcome=Outcome.UNKNOWN) | cut_off)


def _started(
    event: AuditEvent, jobs: Sequence[Job], is_late: bool
) -> tuple[str, int | None] | None:
    before = event.version_before or 0
    newer = [job for job in jobs if (number_of(job.job_id) or 0) > before]
    if newer:
        first = newer[-1].job_id
        return f"Amplify has deployment {first}, which started afterwards.", number_of(first)
    return ("Amplify started no deployment.", None) if is_late else None


def _stopped(
    event: AuditEvent, jobs: Sequence[Job], is_late: bool
) -> tuple[str, int | None] | None:
    number = event.version_before
    job = next((job for job in jobs if number_of(job.job_id) == number), None)
    if job and job.status in {JobStatus.CANCELLING, JobStatus.CANCELLED}:
        return f"Deployment {job.job_id} was stopped.", number
    if job is None or not job.status.is_running:
        return f"Deployment {number} ended without being stopped.", None
    return (f"Deployment {number} was not stopped.", None) if is_late else None
