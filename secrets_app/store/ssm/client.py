"""AWS SSM Parameter Store: the only module that knows boto3.

Two things shape it. SSM's and botocore's own words may quote a value or an ARN, so nothing of their
exceptions leaves `_send` but a code. And a write whose answer was lost may have been done, so it is
OutcomeUnknown, whatever a retry after it answered.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.exceptions as aws
from boto3.session import Session
from botocore.config import Config

from secrets_app.store.base import Parameter, Reading, SecretValue, Written
from secrets_app.store.errors import (
    Misconfigured,
    OutcomeUnknown,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)
from secrets_app.store.instrumentation import Call, store_call
from secrets_app.store.limits import batches, check_put
from secrets_app.store.ssm import responses
from secrets_app.store.ssm.errors import error_for
from secrets_app.store.ssm.log_filter import silence_debug_logs

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import ParameterTypeDef

T = TypeVar("T")

ATTEMPTS = 3
CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0
DEADLINE = 10.0  # a call ends before it, retries and all (guarantee 43)
CONNECTIONS = 16  # kept open; at least the threads of a process
PAGE = 50  # parameters a DescribeParameters page holds
PREFIXES = 50  # values a filter of DescribeParameters takes
WRITES = {"put", "remove"}
SLOT_TIMEOUT = 1.0  # seconds
_SLOTS = threading.BoundedSemaphore(5)  # of the eight threads that gunicorn gives a process


class SsmStore:
    """A ParameterStore in AWS SSM. botocore's AWS_ENDPOINT_URL_SSM points it elsewhere."""

    def __init__(
        self,
        region: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """Make the client, without a call; raise Misconfigured for a bad region or endpoint."""
        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            user_agent_extra="branchkeep",
        )
        self._attempts = _Attempts(DEADLINE - connect_timeout - read_timeout)
        self._client = _client(region, config)
        self._client.meta.events.register_first(
            "needs-retry.ssm",
            self._attempts.ended,  # type: ignore[arg-type]  # this event's handlers do answer
        )

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield what stands under any of the path prefixes: metadata, 50 a call, when asked for."""
        return chain.from_iterable(map(self._listing, [*batches(prefixes, PREFIXES)]))

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return the parameters that exist among `paths`; asks for no decryption."""
        ask = partial(self._get, "current", responses.parameter, decrypt=False)
        found = chain.from_iterable(map(ask, batches(paths)))
        return {parameter.path: parameter for parameter in found}

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return the decrypted parameters that exist among `paths`."""
        ask = partial(self._get, "read", responses.reading, decrypt=True)
        found = chain.from_iterable(map(ask, batches(paths)))
        return {reading.parameter.path: reading for reading in found}

    def put(self, path: str, value: SecretValue, *, overwrite: bool) -> Written:
        """Write a value, as Amplify's own clients do, and return its version.

        Raises AlreadyExists without `overwrite`, and OutcomeUnknown where the answer was lost.
        """
        check_put(path, value)
        return self._send(
            "put",
            1,
            lambda: responses.written(
                self._client.put_parameter(
                    Name=path,
                    Value=value.reveal(),
                    Type="SecureString",
                    Description="Amplify Secret",
                    Overwrite=overwrite,
                )
            ),
        )

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters and return the paths that were there; OutcomeUnknown as for `put`."""
        removed: set[str] = set()
        for number, batch in enumerate(batches(paths)):
            try:
                removed |= self._send("remove", len(batch), partial(self._delete, batch))
            except StoreError as error:
                if number == 0:
                    raise
                # What went before is gone, so no error that says "nothing was changed" is true
                raise OutcomeUnknown(code=error.code) from None
        return removed

    def shared_transaction(self) -> AbstractContextManager[None]:
        """Return a block that does nothing: no transaction is open while AWS is called."""
        return nullcontext()

    def ping(self) -> None:
        """Return if SSM answers and lets the console list; raise otherwise."""
        ask = partial(
            self._client.describe_parameters,
            ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": ["/amplify"]}],
            MaxResults=1,
        )
        self._send("ping", 0, lambda: ask()["Parameters"])

    def _listing(self, prefixes: Sequence[str]) -> Iterator[Parameter]:
        folders = tuple(f"{prefix}/" for prefix in prefixes)
        token = ""
        while True:
            ask = partial(self._page, prefixes, token)
            page, token = self._send("list", len(prefixes), ask)
            yield from (found for found in page if found.path.startswith(folders))
            if not token:
                return

    def _page(self, prefixes: Sequence[str], token: str) -> tuple[Sequence[Parameter], str]:
        ask = partial(
            self._client.describe_parameters,
            ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": prefixes}],
            MaxResults=PAGE,
        )
        answer = ask(NextToken=token) if token else ask()
        page = [responses.parameter(found) for found in answer["Parameters"]]
        return page, answer.get("NextToken", "")

    def _get(
        self,
        operation: str,
        parse: Callable[["ParameterTypeDef"], T],
        names: Sequence[str],
        *,
        decrypt: bool,
    ) -> Sequence[T]:
        def call() -> Sequence[T]:
            answer = self._client.get_parameters(Names=names, WithDecryption=decrypt)
            found, missing = answer["Parameters"], answer.get("InvalidParameters", [])
            responses.require_complete(names, [one["Name"] for one in found], missing)
            return [parse(one) for one in found]

        return self._send(operation, len(names), call)

    def _delete(self, names: Sequence[str]) -> set[str]:
        answer = self._client.delete_parameters(Names=names)
        deleted, missing = answer.get("DeletedParameters", []), answer.get("InvalidParameters", [])
        responses.require_complete(names, deleted, missing)
        if missing and self._attempts.lost:  # they may have been there before the first attempt
            raise OutcomeUnknown(code="RemovedBefore")
        return set(deleted)

    def _send(self, operation: str, names: int, call: Callable[[], T]) -> T:
        """Return what `call` returns; turn every exception of botocore's into one of ours."""
        with store_call("ssm", operation, names) as under_way, _slot():
            self._attempts.begin(under_way)
            try:
                return call()
            except StoreError:
                raise
            except Exception as error:  # a garbled answer makes botocore's parser raise anything
                failure = _translated(error, operation in WRITES, self._attempts.lost)
            raise failure  # out here botocore's exception is not even its context


@contextmanager
def _slot() -> Iterator[None]:
    """Leave some of the process's threads to pages that need no store, however slow it is."""
    if not _SLOTS.acquire(timeout=SLOT_TIMEOUT):
        raise Throttled(code="TooManyCallsHere")
    try:
        yield
    finally:
        _SLOTS.release()


class _Attempts(threading.local):
    """What became of the requests sent for this thread's call; botocore tells of the last alone."""

    def __init__(self, patience: float) -> None:
        """Start no retry later than `patience` seconds after the call began."""
        self._patience = patience
        self.lost = False

    def begin(self, call: Call) -> None:
        """Begin a call."""
        self._call, self._started = call, monotonic()
        self.lost = False  # a request was sent and its answer got lost, so it may have been done

    def ended(self, response: Any, caught_exception: Exception | None, **_: object) -> bool | None:
        """Judge an attempt (botocore's needs-retry event): False stops retrying.

        A read time-out is raised at once, for three of them would take 15 seconds.
        """
        if caught_exception is not None:
            self.lost |= not _never_sent(caught_exception)
        else:
            throttled = _is_throttled(*response)
            self._call.throttles += throttled
            self.lost |= response[0].status_code >= 500 and not throttled
        if isinstance(caught_exception, aws.ReadTimeoutError):
            raise caught_exception
        return False if monotonic() - self._started > self._patience else None


def _client(region: str, config: Config) -> "SSMClient":
    silence_debug_logs()
    try:
        client = Session().client("ssm", region_name=region, config=config)
    except (aws.BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise Misconfigured(code=type(error).__name__) from None
    silence_debug_logs()  # making it imported more of botocore
    return client


def _never_sent(error: Exception) -> bool:
    """Say whether the request had not left when `error` came."""
    if isinstance(error, aws.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    not_connected = (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)
    return isinstance(error, not_connected)


def _is_throttled(http_response: Any, parsed: dict[str, Any]) -> bool:
    """Say whether the store refused an attempt as one too many, which it then did not do."""
    code = parsed.get("Error", {}).get("Code", "")
    return isinstance(error_for(code, http_response.status_code), Throttled)


def _translated(error: Exception, write: bool, lost: bool) -> StoreError:
    """Return the StoreError that stands for any exception of a call."""
    if isinstance(error, aws.ClientError):
        answer: Any = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        failure = error_for(str(answer.get("Error", {}).get("Code", "")), status)
    elif isinstance(error, aws.BotoCoreError):
        failure = _unanswered(error)
    else:
        failure = StoreFailed(code="UnreadableAnswer")
        lost = True
    return OutcomeUnknown(code=failure.code) if write and lost else failure


def _unanswered(error: aws.BotoCoreError) -> StoreError:
    code = type(error).__name__
    if isinstance(error, aws.SSLError):
        return Misconfigured(code=code)
    if isinstance(error, (aws.HTTPClientError, aws.ConnectionError)):
        return Unreachable(code=code)
    return Misconfigured(code=code)  # credentials, region, profile


silence_debug_logs()
