"""Redeploy a branch, and stop a deployment."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils import timezone

from console.access.actors import Actor
from console.access.acts import require
from console.access.policy import Access, find_app, find_branch
from console.amplify.base import AmplifyService, Job, JobStatus
from console.amplify.errors import AmplifyError, LimitReached, OutcomeUnknown, Rejected
from console.amplify.pushes import PATIENCE, push_pending
from console.amplify.service import service
from console.audit.events import Action, Outcome, Recording, Target, recording
from console.models import Branch, BranchConnection
from console.workflows.deployments import effects
from console.workflows.deployments.reading import connection_of, in_amplify, read_branch, store
from console.workflows.deployments.settling import number_of

REASON_LIMIT = 255  # characters, of Amplify
NOT_CONNECTED = "This app is not connected to Amplify."
NOT_THERE = "Amplify has no branch of this name. Deployments are only possible in Amplify."
NEWER = (
    "Deployment {} was started after you opened this page, so nothing was started. Look at it, "
    "then redeploy if you still need to."
)
RUNNING = "Deployment {} is running, so nothing was started. Wait until it has ended, or stop it."
LEFT = (
    "{} saved here did not reach Amplify, so nothing was started. Try again in a minute, or see "
    "what is waiting under Environment variables."
)


@dataclass(frozen=True)
class Started:
    """A deployment that was started. `left` values saved here need a decision before they go."""

    branch: str
    job_id: str
    left: int = 0


def redeploy(*, actor: Actor, app_id: str, pk: int, shown: str) -> Started:
    """Deploy a branch's newest commit again. `shown` is the newest deployment that the actor saw.

    Raises ValidationError if there is a newer one, so that pressing twice starts one; AmplifyError.
    """
    access = find_app(actor, app_id)
    branch = find_branch(access, pk)
    target = Target(app_id, branch.name, branch.name)
    with recording(
        actor, Action.DEPLOYMENT_STARTED, target, version_before=number_of(shown)
    ) as record:
        require(access, Action.DEPLOYMENT_STARTED, branch)
        row = _row_of(access, branch)
        amplify = service()
        _refuse_newer(read_branch(amplify, row), shown)
        pushed = push_pending(amplify, access.app, PATIENCE, at_once=True)
        if pushed.waiting:
            what = "1 change" if pushed.waiting == 1 else f"{pushed.waiting} changes"
            raise ValidationError(pushed.problem or LEFT.format(what))
        job = _start(amplify, row, shown, _reason(access, branch), record)
        if job is not None:
            record.version_after = number_of(job.job_id)
            return Started(branch.name, job.job_id, pushed.left)
    raise OutcomeUnknown


def _row_of(access: Access, branch: Branch) -> BranchConnection:
    if connection_of(access) is None:
        raise ValidationError(NOT_CONNECTED)
    row = in_amplify(access).filter(branch=branch).first()
    if row is None:
        raise ValidationError(NOT_THERE)
    return row


def _refuse_newer(jobs: Sequence[Job], shown: str) -> None:
    if not jobs:
        return
    if jobs[0].status.is_running:
        raise ValidationError(RUNNING.format(jobs[0].job_id))
    if jobs[0].job_id != shown:
        raise ValidationError(NEWER.format(jobs[0].job_id))


def _start(
    amplify: AmplifyService, row: BranchConnection, shown: str, reason: str, record: Recording
) -> Job | None:
    """Start a job and store it. Return None, with an unknown outcome, if nobody knows."""
    branch = row.branch
    try:
        job = amplify.start_job(branch.app.app_id, branch.name, reason=reason)
    except OutcomeUnknown:
        # Amplify runs one job of a branch at a time: one that arrives late starts no second one.
        if found := _found(amplify, row, shown):
            return found
        _set_unknown(record)
        return None
    except LimitReached:
        if found := _found(amplify, row, shown):
            raise ValidationError(RUNNING.format(found.job_id)) from None
        raise
    store(row, [job], timezone.now())
    return job


def _found(amplify: AmplifyService, row: BranchConnection, shown: str) -> Job | None:
    """Return the newest job if it is newer than the one that was shown."""
    try:
        jobs = read_branch(amplify, row)
    except AmplifyError:
        return None
    return jobs[0] if jobs and jobs[0].job_id != shown else None


def _set_unknown(record: Recording) -> None:
    record.outcome = Outcome.UNKNOWN
    record.detail = "The next list of deployments settles it."


def _reason(access: Access, branch: Branch) -> str:
    """Return why: the person, and the newest change set that the last deployment lacks."""
    changes = effects.of_app(access).branches[branch.pk].changes
    sets = list(dict.fromkeys(str(it.change_set) for it in changes if it.change_set))
    what = f"change set {sets[0]}" if sets else "no changes"
    more = f" and {len(sets) - 1} more" if len(sets) > 1 else ""
    return f"{what}{more}, by {access.actor.label} in Branchkeep"[:REASON_LIMIT]


def stop(*, actor: Actor, app_id: str, pk: int, job_id: str) -> None:
    """Stop a running deployment. Raises ValidationError if it isn't running; AmplifyError."""
    access = find_app(actor, app_id)
    branch = find_branch(access, pk)
    target = Target(app_id, branch.name, branch.name)
    number = number_of(job_id)
    with recording(actor, Action.DEPLOYMENT_STOPPED, target, version_before=number) as record:
        require(access, Action.DEPLOYMENT_STOPPED, branch)
        row = _row_of(access, branch)
        if number is None:
            raise ValidationError("Choose a deployment.")
        if _stop(service(), row, job_id, record):
            return
    raise OutcomeUnknown


def _stop(amplify: AmplifyService, row: BranchConnection, job_id: str, record: Recording) -> bool:
    """Stop a job and store it. Return False, with an unknown outcome, if nobody knows."""
    app_id, name = row.branch.app.app_id, row.branch.name
    try:
        job = amplify.stop_job(app_id, name, job_id)
    except Rejected:
        read_branch(amplify, row)
        raise ValidationError(f"Deployment {job_id} is not running any longer.") from None
    except OutcomeUnknown:
        found = _stopped(amplify, app_id, name, job_id)
        if found is None:
            _set_unknown(record)
            return False
        job = found
    store(row, [job], timezone.now())
    return True


def _stopped(amplify: AmplifyService, app_id: str, name: str, job_id: str) -> Job | None:
    """Return the job if it is seen to have been stopped."""
    try:
        job = amplify.job(app_id, name, job_id)
    except AmplifyError:
        return None
    return job if job.status in {JobStatus.CANCELLING, JobStatus.CANCELLED} else None
