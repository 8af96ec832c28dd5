"""The parameter store in AWS SSM. The only module of secrets_app that imports boto3.

Two rules shape it. Messages of SSM and botocore may quote a value or an ARN, so only error codes
leave `_send`. And a write whose response was lost may have succeeded, so it raises OutcomeUnknown,
whatever a retry after it returned.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
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
from secrets_app.store.limits import MAX_ATTEMPTS, batches, check_put
from secrets_app.store.ssm import responses
from secrets_app.store.ssm.errors import error_for
from secrets_app.store.ssm.log_filter import silence_debug_logs

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import ParameterTypeDef

T = TypeVar("T")

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0
DEADLINE = (
    10.0  # for a call, including its retries (guarantee 43); limits.LONGEST_CALL counts on it
)
CONNECTIONS = 16  # kept open; more than a process has threads
PAGE = 50  # parameters per DescribeParameters page
PREFIXES = 50  # values per filter of DescribeParameters
WRITES = {"put", "remove"}
SLOT_TIMEOUT = 1.0  # seconds
# Of the eight threads per process, three stay free for pages that need no store, even while SSM
# hangs (docs/adr/0007-a-slow-store-is-contained.md).
_SLOTS = threading.BoundedSemaphore(5)


class SsmStore:
    """A ParameterStore in AWS SSM. botocore's AWS_ENDPOINT_URL_SSM points it elsewhere."""

    def __init__(
        self,
        region: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """Create the client, without a call. Raises Misconfigured for a bad region or endpoint."""
        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            user_agent_extra="branchkeep",
        )
        self._attempts = _AttemptTracker(DEADLINE - connect_timeout - read_timeout)
        self._client = _client(region, config)
        # First, so that it sees every attempt before botocore decides whether to retry.
        self._client.meta.events.register_first(
            "needs-retry.ssm",
            self._attempts.after_attempt,  # type: ignore[arg-type]  # the stubs don't know that this event uses the result
        )

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield the parameters under any of the path prefixes, page by page. Decrypts nothing."""
        return chain.from_iterable(self.pages(prefixes))

    def pages(self, prefixes: Iterable[str]) -> Iterator[Sequence[Parameter]]:
        """Yield the same, one page after the other. Each page is a call."""
        return chain.from_iterable(map(self._pages, [*batches(prefixes, PREFIXES)]))

    def stamps(self, prefixes: Iterable[str]) -> None:
        """Return None: AWS has no query that tells what changed."""

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return those of `paths` that exist, by path. Decrypts nothing."""
        request = partial(self._get, "current", responses.parameter, decrypt=False)
        found = chain.from_iterable(map(request, batches(paths)))
        return {parameter.path: parameter for parameter in found}

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return those of `paths` that exist, decrypted, by path."""
        request = partial(self._get, "read", responses.reading, decrypt=True)
        found = chain.from_iterable(map(request, batches(paths)))
        return {reading.parameter.path: reading for reading in found}

    def put(self, path: str, value: SecretValue, *, overwrite: bool) -> Written:
        """Write a value and return its version.

        Raises AlreadyExists without `overwrite`, and OutcomeUnknown if the response was lost.
        """
        check_put(path, value)
        # The same arguments as Amplify's own clients send, so that the parameters look the same.
        written = self._send(
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
        return replace(written, may_repeat=self._attempts.lost)

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters. Return the paths that existed. Raises OutcomeUnknown."""
        removed: set[str] = set()
        for number, batch in enumerate(batches(paths)):
            try:
                removed |= self._send("remove", len(batch), partial(self._delete, batch))
            except StoreError as error:
                if number == 0:
                    raise
                # Earlier batches are gone, so an error that says "nothing changed" would be wrong.
                raise OutcomeUnknown(code=error.code) from None
        return removed

    def shared_transaction(self) -> AbstractContextManager[None]:
        """Return a context manager that does nothing: AWS can't join a transaction."""
        return nullcontext()

    def ping(self) -> None:
        """Raise unless SSM answers and permits listing."""
        request = partial(
            self._client.describe_parameters,
            ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": ["/amplify"]}],
            MaxResults=1,
        )
        self._send("ping", 0, lambda: request()["Parameters"])

    def _pages(self, prefixes: Sequence[str]) -> Iterator[Sequence[Parameter]]:
        folders = tuple(f"{prefix}/" for prefix in prefixes)
        token = ""
        while True:
            request = partial(self._page, prefixes, token)
            page, token = self._send("list", len(prefixes), request)
            yield [found for found in page if found.path.startswith(folders)]
            if not token:
                return

    def _page(self, prefixes: Sequence[str], token: str) -> tuple[Sequence[Parameter], str]:
        request = partial(
            self._client.describe_parameters,
            ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": prefixes}],
            MaxResults=PAGE,
        )
        answer = request(NextToken=token) if token else request()
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
        # An earlier attempt, whose response was lost, may have removed them, or may still arrive.
        if self._attempts.lost:
            raise OutcomeUnknown(code="SentTwice")
        return set(deleted)

    def _send(self, operation: str, names: int, call: Callable[[], T]) -> T:
        """Return the result of `call`. Turns every exception of botocore into a StoreError."""
        with store_call("ssm", operation, names) as call_record, _slot():
            self._attempts.reset(call_record)
            try:
                return call()
            except StoreError:
                raise
            except Exception as error:  # botocore's parser raises anything for a garbled response
                translated = _translate(error, operation in WRITES, self._attempts.lost)
            # Raised outside the handler, so that botocore's exception, which may quote a value, is
            # not its context.
            raise translated


@contextmanager
def _slot() -> Iterator[None]:
    """Wait for one of the slots. Raises Throttled if none is free within SLOT_TIMEOUT."""
    if not _SLOTS.acquire(timeout=SLOT_TIMEOUT):
        raise Throttled(code="TooManyCallsHere")
    try:
        yield
    finally:
        _SLOTS.release()


class _AttemptTracker(threading.local):
    """Tracks all attempts of this thread's call, since botocore only reports the last one.

    `lost` is True if a request was sent and its response was lost, so it may have been carried out.
    """

    def __init__(self, retry_window: float) -> None:
        """Allow retries to start within `retry_window` seconds after the call started."""
        self._retry_window = retry_window
        self.lost = False

    def reset(self, call: Call) -> None:
        """Start tracking a call."""
        self._call, self._started = call, monotonic()
        self.lost = False

    def after_attempt(
        self, response: Any, caught_exception: Exception | None, **_: object
    ) -> bool | None:
        """Handle botocore's needs-retry event. Returning False prevents a retry."""
        if caught_exception is not None:
            self.lost |= not _was_never_sent(caught_exception)
        else:
            throttled = _is_throttled(*response)
            self._call.throttles += throttled
            # A 5xx can come after SSM has carried out the request.
            self.lost |= response[0].status_code >= 500 and not throttled
        # Three read time-outs would take 15 seconds, more than DEADLINE.
        if isinstance(caught_exception, aws.ReadTimeoutError):
            raise caught_exception
        return False if monotonic() - self._started > self._retry_window else None


def _client(region: str, config: Config) -> "SSMClient":
    silence_debug_logs()
    try:
        client = Session().client("ssm", region_name=region, config=config)
    except (aws.BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise Misconfigured(code=type(error).__name__) from None
    silence_debug_logs()  # again, because creating the client imported more of botocore
    return client


def _was_never_sent(error: Exception) -> bool:
    """Return True if the request had not been sent when the error occurred."""
    # Certificates are verified before the request is sent. Other TLS errors can come later.
    if isinstance(error, aws.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    not_connected = (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)
    return isinstance(error, not_connected)


def _is_throttled(http_response: Any, parsed: dict[str, Any]) -> bool:
    """Return True if the store throttled an attempt, so that it was not carried out."""
    code = parsed.get("Error", {}).get("Code", "")
    return isinstance(error_for(code, http_response.status_code), Throttled)


def _translate(error: Exception, write: bool, lost: bool) -> StoreError:
    """Return the StoreError for any exception of a call."""
    if isinstance(error, aws.ClientError):
        answer: Any = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        translated = error_for(str(answer.get("Error", {}).get("Code", "")), status)
    elif isinstance(error, aws.BotoCoreError):
        translated = _connection_error(error)
    else:
        translated = StoreFailed(code="UnreadableAnswer")
        lost = True
    return OutcomeUnknown(code=translated.code) if write and lost else translated


def _connection_error(error: aws.BotoCoreError) -> StoreError:
    code = type(error).__name__
    if isinstance(error, aws.SSLError):
        return Misconfigured(code=code)
    if isinstance(error, (aws.HTTPClientError, aws.ConnectionError)):
        return Unreachable(code=code)
    return Misconfigured(code=code)  # credentials, region, profile


silence_debug_logs()
