"""AWS Amplify, by boto3.

The rules of the parameter store's client hold here, too: only error codes leave `_send`, and a
write whose response was lost raises OutcomeUnknown. One is added: a write is sent once. After a
lost response, botocore would send a whole map again, and so remove what somebody added in between.
And it counts LimitExceededException, Amplify's answer to a second deployment, as throttling.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.exceptions as aws

from console.amplify import responses
from console.amplify.base import AmplifyApp, AmplifyBranch, Job
from console.amplify.error_codes import error_for, is_throttle
from console.amplify.errors import (
    AmplifyError,
    AmplifyFailed,
    LimitReached,
    Misconfigured,
    OutcomeUnknown,
    Throttled,
    Unreachable,
)
from console.amplify.instrumentation import amplify_call
from console.amplify.limits import check_build_spec, check_variables
from console.aws.clients import (
    AttemptTracker,
    NoFreeSlot,
    error_code,
    is_unreachable,
    make_client,
    slot,
)
from console.aws.limits import CONNECT_TIMEOUT, DEADLINE, READ_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_amplify import AmplifyClient

T = TypeVar("T")

APPS_PAGE = 100  # the most that Amplify returns per call
PAGE = 50  # of branches and jobs
# An empty map changes nothing, so this is how a map is cleared. Amplify accepts the blank key.
CLEARED: Mapping[str, str] = {" ": ""}
REASON_LIMIT = 255  # characters
WRITES = frozenset(
    {
        "set_app_variables",
        "set_branch_variables",
        "set_app_build_spec",
        "set_branch_build_spec",
        "start_job",
        "stop_job",
    }
)


class Amplify:
    """An AmplifyService in AWS. botocore's AWS_ENDPOINT_URL_AMPLIFY points it elsewhere."""

    def __init__(
        self,
        region: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """Create the client, without a call. Raises Misconfigured for a bad region or endpoint."""
        self._attempts = AttemptTracker(DEADLINE - connect_timeout - read_timeout, is_throttle)
        try:
            self._client: AmplifyClient = make_client(
                "amplify", region, connect_timeout=connect_timeout, read_timeout=read_timeout
            )
        except (aws.BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise Misconfigured(code=type(error).__name__) from None
        self._attempts.watch(self._client)

    def apps(self) -> Sequence[AmplifyApp]:
        """Return the account's apps in this region (100 per call)."""
        request = partial(self._client.list_apps, maxResults=APPS_PAGE)
        return [*self._pages("apps", request, "apps", responses.app)]

    def app(self, app_id: str) -> AmplifyApp:
        """Return an app. Raises NotFound."""
        request = partial(self._client.get_app, appId=app_id)
        return self._send("app", lambda: responses.app(request()["app"]))

    def branches(self, app_id: str) -> Sequence[AmplifyBranch]:
        """Return an app's branches (50 per call)."""
        request = partial(self._client.list_branches, appId=app_id, maxResults=PAGE)
        return [*self._pages("branches", request, "branches", responses.branch)]

    def branch(self, app_id: str, name: str) -> AmplifyBranch:
        """Return a branch. Raises NotFound."""
        request = partial(self._client.get_branch, appId=app_id, branchName=name)
        return self._send("branch", lambda: responses.branch(request()["branch"]))

    def set_app_variables(self, app_id: str, variables: Mapping[str, str]) -> AmplifyApp:
        """Replace the app's whole map of variables; an empty one clears it."""
        check_variables(variables)
        request = partial(
            self._client.update_app, appId=app_id, environmentVariables=variables or CLEARED
        )
        return self._send("set_app_variables", lambda: responses.app(request()["app"]))

    def set_branch_variables(
        self, app_id: str, name: str, variables: Mapping[str, str]
    ) -> AmplifyBranch:
        """Replace a branch's whole map of variables; an empty one clears it."""
        check_variables(variables)
        request = partial(
            self._client.update_branch,
            appId=app_id,
            branchName=name,
            environmentVariables=variables or CLEARED,
        )
        return self._send("set_branch_variables", lambda: responses.branch(request()["branch"]))

    def set_app_build_spec(self, app_id: str, text: str) -> AmplifyApp:
        """Replace the app's build specification. Raises Rejected for an empty text."""
        check_build_spec(text)
        request = partial(self._client.update_app, appId=app_id, buildSpec=text)
        return self._send("set_app_build_spec", lambda: responses.app(request()["app"]))

    def set_branch_build_spec(self, app_id: str, name: str, text: str) -> AmplifyBranch:
        """Replace a branch's build specification. Raises Rejected for an empty text."""
        check_build_spec(text)
        request = partial(self._client.update_branch, appId=app_id, branchName=name, buildSpec=text)
        return self._send("set_branch_build_spec", lambda: responses.branch(request()["branch"]))

    def jobs(self, app_id: str, branch: str, *, limit: int) -> Sequence[Job]:
        """Return a branch's newest jobs, without steps, newest first."""
        request = partial(
            self._client.list_jobs, appId=app_id, branchName=branch, maxResults=min(limit, PAGE)
        )
        jobs = self._pages("jobs", request, "jobSummaries", responses.job_summary)
        return [*islice(jobs, limit)]

    def job(self, app_id: str, branch: str, job_id: str) -> Job:
        """Return a job with its steps. Raises NotFound."""
        request = partial(self._client.get_job, appId=app_id, branchName=branch, jobId=job_id)
        return self._send("job", lambda: responses.job(request()["job"]))

    def start_job(self, app_id: str, branch: str, *, reason: str) -> Job:
        """Deploy the branch's newest commit (RELEASE). Raises LimitReached if one is running."""
        request = partial(
            self._client.start_job,
            appId=app_id,
            branchName=branch,
            jobType="RELEASE",
            jobReason=reason[:REASON_LIMIT],
        )
        return self._send("start_job", lambda: responses.job_summary(request()["jobSummary"]))

    def stop_job(self, app_id: str, branch: str, job_id: str) -> Job:
        """Stop a running job."""
        request = partial(self._client.stop_job, appId=app_id, branchName=branch, jobId=job_id)
        return self._send("stop_job", lambda: responses.job_summary(request()["jobSummary"]))

    def ping(self) -> None:
        """Raise unless Amplify answers and permits listing apps."""
        self._send("ping", lambda: self._client.list_apps(maxResults=1)["apps"])

    def _pages(
        self, operation: str, request: Callable[..., Any], member: str, parse: Callable[[Any], T]
    ) -> Iterator[T]:
        """Yield the items of a list, page by page. Each page is a call."""
        following: dict[str, str] = {}
        while True:

            def call(following: Mapping[str, str] = following) -> tuple[Sequence[T], str]:
                answer = request(**following)
                return [parse(item) for item in answer[member]], answer.get("nextToken", "")

            page, token = self._send(operation, call)
            yield from page
            if not token:
                return
            following = {"nextToken": token}

    def _send(self, operation: str, call: Callable[[], T]) -> T:
        """Return the result of `call`. Turns every exception of botocore into an AmplifyError."""
        is_write = operation in WRITES
        with amplify_call(operation) as record:
            self._attempts.reset(retries=not is_write)
            try:
                with slot():
                    return call()
            except Exception as error:  # botocore's parser raises anything for a garbled response
                translated = _translate(error, is_write, self._attempts.lost)
            finally:
                record.throttles = self._attempts.throttles
            # Raised outside the handler, so that botocore's exception, which may quote a value, is
            # not its context.
            raise translated


def _translate(error: Exception, is_write: bool, lost: bool) -> AmplifyError:
    """Return the AmplifyError for any exception of a call."""
    if isinstance(error, NoFreeSlot):
        return Throttled(code="TooManyCallsHere")
    translated: AmplifyError
    if isinstance(error, aws.ClientError):
        translated = error_for(*error_code(error))
        if isinstance(translated, LimitReached) and not is_write:
            translated = Throttled(code=translated.code)  # a read can meet no other limit
    elif isinstance(error, aws.BotoCoreError):
        failed = Unreachable if is_unreachable(error) else Misconfigured
        translated = failed(code=type(error).__name__)
    else:
        translated = AmplifyFailed(code="UnreadableAnswer")
        lost = True
    return OutcomeUnknown(code=translated.code) if is_write and lost else translated
