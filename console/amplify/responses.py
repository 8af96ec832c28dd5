"""Conversion of Amplify's responses to the types of `console.amplify.base`.

botocore raises nothing for a response that was cut off or that comes from something else: its
result only lacks members. Those that Amplify always sends are therefore read with `[]`, and the
LookupError counts as an unreadable response. A missing map must never look like an empty one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from console.amplify.base import AmplifyApp, AmplifyBranch, Job, JobStatus, Step

NOT_STARTED = {JobStatus.CREATED, JobStatus.PENDING}


def app(data: Any) -> AmplifyApp:
    """Convert an app of GetApp, ListApps or UpdateApp."""
    automatic = data.get("autoBranchCreationConfig") or {}
    return AmplifyApp(
        app_id=data["appId"],
        name=data["name"],
        repository=data.get("repository", ""),
        default_domain=data.get("defaultDomain", ""),
        production_branch=(data.get("productionBranch") or {}).get("branchName", ""),
        variables=_variables(data["environmentVariables"]),
        auto_branch_variables=_variables(automatic.get("environmentVariables") or {}),
        build_spec=data.get("buildSpec", ""),
        updated_at=data["updateTime"].astimezone(UTC),
    )


def branch(data: Any) -> AmplifyBranch:
    """Convert a branch of GetBranch, ListBranches or UpdateBranch."""
    return AmplifyBranch(
        name=data["branchName"],
        stage=data.get("stage") or "NONE",
        variables=_variables(data["environmentVariables"]),
        build_spec=data.get("buildSpec", ""),
        source_branch=data.get("sourceBranch", ""),
        destination_branch=data.get("destinationBranch", ""),
        active_job_id=_job_id(data.get("activeJobId", "")),
        updated_at=data["updateTime"].astimezone(UTC),
    )


def job(data: Any) -> Job:
    """Convert a job of GetJob, with its steps."""
    summary = job_summary(data["summary"])
    steps = tuple(_step(step) for step in data["steps"])
    return Job(
        summary.job_id,
        summary.status,
        summary.kind,
        summary.commit_id,
        summary.commit_message,
        summary.started_at,
        summary.ended_at,
        steps,
    )


def job_summary(data: Any) -> Job:
    """Convert a job of ListJobs, StartJob or StopJob."""
    status = JobStatus(data["status"])
    return Job(
        job_id=data["jobId"],
        status=status,
        kind=data["jobType"],
        commit_id=data.get("commitId", ""),
        commit_message=data.get("commitMessage", ""),
        started_at=_time(data.get("startTime")),
        ended_at=None if status.is_running else _time(data.get("endTime")),
    )


def _step(data: Any) -> Step:
    status = JobStatus(data["status"])
    return Step(
        data["stepName"],
        status,
        None if status in NOT_STARTED else _time(data.get("startTime")),
        None if status.is_running else _time(data.get("endTime")),
    )


def _variables(data: Mapping[str, str]) -> Mapping[str, str]:
    """Return a map without the blank key that clears one (see client.CLEARED)."""
    return {key: value for key, value in data.items() if key.strip()}


def _job_id(text: str) -> str:
    """Return the id of a job. Amplify writes zero if there was none."""
    return text if text.strip("0") else ""


def _time(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None
