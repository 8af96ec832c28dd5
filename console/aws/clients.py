"""The making of boto3 clients, and what became of the requests that they sent.

The modules at the boundary to AWS (secrets_app.store.ssm, console.amplify) turn everything that a
client raises into errors of their own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import botocore.exceptions as aws
from boto3.session import Session
from botocore.config import Config

from console.aws.limits import LONGEST_ATTEMPT, MAX_ATTEMPTS, SLOT_TIMEOUT, seconds_left
from console.aws.log_filter import silence_debug_logs

CONNECTIONS = 16  # kept open; more than a process has threads
PAUSE_HEADER = "x-amz-retry-after"  # the service asks for a pause
# Of the eight threads per process, three stay free for pages that need no call, even while all of
# AWS hangs (docs/adr/0007-a-slow-store-is-contained.md).
_SLOTS = threading.BoundedSemaphore(5)


class NoFreeSlot(Exception):
    """Too many calls of this process are in progress."""


@contextmanager
def slot() -> Iterator[None]:
    """Wait for one of the slots. Raises NoFreeSlot if none is free within SLOT_TIMEOUT."""
    if not _SLOTS.acquire(timeout=SLOT_TIMEOUT):
        raise NoFreeSlot
    try:
        yield
    finally:
        _SLOTS.release()


def make_client(service: str, region: str, *, connect_timeout: float, read_timeout: float) -> Any:
    """Return a client, without a call. Raises BotoCoreError or ValueError for a bad setting."""
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        user_agent_extra="branchkeep",
    )
    silence_debug_logs()
    client = Session().client(service, region_name=region, config=config)  # type: ignore[call-overload]  # the stubs want a literal
    silence_debug_logs()  # again, because creating the client imported more of botocore
    return client


class AttemptTracker(threading.local):
    """Tracks all attempts of this thread's call, since botocore only reports the last one.

    `lost` is True if a request was sent and its response was lost, so it may have been carried out.
    `throttles` counts throttled attempts, even if a retry succeeded.
    """

    def __init__(self, retry_window: float, is_throttle: Callable[[str, int], bool]) -> None:
        """Allow retries to start within `retry_window` seconds after the call started.

        `is_throttle` tells from an error's code and HTTP status whether it means throttling.
        """
        self._retry_window = retry_window
        self._is_throttle = is_throttle
        self.reset()

    def reset(self, *, retries: bool = True) -> None:
        """Start tracking a call. Without `retries`, it is sent once."""
        self._started, self._retries = monotonic(), retries
        self.lost, self.throttles = False, 0

    def watch(self, client: Any) -> None:
        """Follow the attempts of a client."""
        service = client.meta.service_model.service_id.hyphenize()
        # First, so that it sees every attempt before botocore decides whether to retry.
        client.meta.events.register_first(f"needs-retry.{service}", self._after_attempt)

    def _after_attempt(
        self, response: Any, caught_exception: Exception | None, **_: object
    ) -> bool | None:
        """Handle botocore's needs-retry event. Returning False prevents a retry."""
        if caught_exception is not None:
            self.lost |= not _was_never_sent(caught_exception)
        else:
            http_response, parsed = response
            code, status = parsed.get("Error", {}).get("Code", ""), http_response.status_code
            is_throttled = self._is_throttle(code, status)
            self.throttles += is_throttled
            # A 5xx can come after the service has carried out the request.
            self.lost |= status >= 500 and not is_throttled
            # botocore would wait up to seven seconds, which no time limit here counts with.
            if PAUSE_HEADER in http_response.headers:
                return False
        # Three read time-outs would take 15 seconds, more than DEADLINE.
        if isinstance(caught_exception, aws.ReadTimeoutError):
            raise caught_exception
        in_time = monotonic() - self._started <= self._retry_window
        in_time = in_time and seconds_left() >= LONGEST_ATTEMPT
        return None if self._retries and in_time else False


def is_unreachable(error: aws.BotoCoreError) -> bool:
    """Return True if the connection failed. Otherwise credentials, region or TLS are wrong."""
    if isinstance(error, aws.SSLError):
        return False
    return isinstance(error, (aws.HTTPClientError, aws.ConnectionError))


def error_code(error: aws.ClientError) -> tuple[str, int]:
    """Return the code and the HTTP status of an error response."""
    answer: Any = error.response
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(answer.get("Error", {}).get("Code", "")), status


def _was_never_sent(error: Exception) -> bool:
    """Return True if the request had not been sent when the error occurred."""
    # Certificates are verified before the request is sent. Other TLS errors can come later.
    if isinstance(error, aws.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    not_connected = (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)
    return isinstance(error, not_connected)


silence_debug_logs()
