"""The interface to AWS Amplify, and what it returns.

Source of the facts: the service model that botocore carries, and Amplify's API reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

KEY_LIMIT = 255  # characters of a variable's key
VALUE_LIMIT = 5500  # characters of a variable's value
BUILD_SPEC_LIMIT = 25_000  # characters; the least is 1, so a build spec can't be removed
RESERVED_PREFIX = "AWS"  # of keys that Amplify refuses


@dataclass(frozen=True, slots=True)
class AmplifyApp:
    """An app as Amplify holds it. Times are aware.

    `auto_branch_variables` are what branches get that Amplify creates by itself.
    `updated_at` moves with every update of the app, whatever changed.
    """

    app_id: str
    name: str
    repository: str
    default_domain: str
    production_branch: str  # empty if there is none
    variables: Mapping[str, str]
    auto_branch_variables: Mapping[str, str]
    build_spec: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AmplifyBranch:
    """A branch as Amplify holds it.

    A pull request's preview names its `source_branch` and `destination_branch`.
    `active_job_id` is empty if the branch was never deployed.
    """

    name: str
    stage: str  # of console.models.Stage; "NONE" if Amplify has none
    variables: Mapping[str, str]
    build_spec: str
    source_branch: str
    destination_branch: str
    active_job_id: str
    updated_at: datetime


class JobStatus(StrEnum):
    """Amplify's job statuses."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    SUCCEED = "SUCCEED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"

    @property
    def is_running(self) -> bool:
        """Return True until the job has ended."""
        return self not in {self.FAILED, self.SUCCEED, self.CANCELLED}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a deployment, under the name that Amplify gives it."""

    name: str
    status: JobStatus
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Job:
    """A deployment of a branch. `steps` is empty when it comes from a list."""

    job_id: str
    status: JobStatus
    kind: str  # RELEASE, RETRY, MANUAL or WEB_HOOK
    commit_id: str
    commit_message: str
    started_at: datetime | None
    ended_at: datetime | None
    steps: Sequence[Step] = field(default=())


class AmplifyService(Protocol):
    """AWS Amplify. Each method is one call, except that lists read page after page.

    Every method raises AmplifyError (see console.amplify.errors). A write raises OutcomeUnknown
    if it may have happened; it is sent once, and the caller reads before it writes again.
    """

    def apps(self) -> Sequence[AmplifyApp]:
        """Return the account's apps in this region (100 per call)."""
        ...

    def app(self, app_id: str) -> AmplifyApp:
        """Return an app. Raises NotFound."""
        ...

    def branches(self, app_id: str) -> Sequence[AmplifyBranch]:
        """Return an app's branches (50 per call)."""
        ...

    def branch(self, app_id: str, name: str) -> AmplifyBranch:
        """Return a branch. Raises NotFound."""
        ...

    def set_app_variables(self, app_id: str, variables: Mapping[str, str]) -> AmplifyApp:
        """Replace the app's whole map of variables; an empty one clears it.

        Amplify has no condition for this: what somebody else wrote a moment ago is overwritten.
        """
        ...

    def set_branch_variables(
        self, app_id: str, name: str, variables: Mapping[str, str]
    ) -> AmplifyBranch:
        """Replace a branch's whole map of variables; an empty one clears it."""
        ...

    def set_app_build_spec(self, app_id: str, text: str) -> AmplifyApp:
        """Replace the app's build specification. Raises Rejected for an empty text."""
        ...

    def set_branch_build_spec(self, app_id: str, name: str, text: str) -> AmplifyBranch:
        """Replace a branch's build specification. Raises Rejected for an empty text."""
        ...

    def jobs(self, app_id: str, branch: str, *, limit: int) -> Sequence[Job]:
        """Return a branch's newest jobs, without steps, newest first."""
        ...

    def job(self, app_id: str, branch: str, job_id: str) -> Job:
        """Return a job with its steps. Raises NotFound."""
        ...

    def start_job(self, app_id: str, branch: str, *, reason: str) -> Job:
        """Deploy the branch's newest commit (RELEASE). Raises LimitReached if one is running."""
        ...

    def stop_job(self, app_id: str, branch: str, job_id: str) -> Job:
        """Stop a running job."""
        ...

    def ping(self) -> None:
        """Raise unless Amplify answers and permits listing apps."""
        ...
