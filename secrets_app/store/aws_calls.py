"""Send the calls of the stores in AWS: a client per service, and one translation of exceptions.

Messages of AWS and botocore may quote a value or an ARN, so only error codes leave `send`. A write
whose response was lost may have succeeded, so it raises OutcomeUnknown, whatever a later retry
returned.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import botocore.exceptions as aws

from console.aws.clients import (
    AttemptTracker,
    NoFreeSlot,
    error_code,
    is_unreachable,
    make_client,
    slot,
)
from console.aws.limits import CONNECT_TIMEOUT, DEADLINE, READ_TIMEOUT
from console.lib.service_calls import Listener, service_call
from secrets_app.store.errors import (
    Misconfigured,
    OutcomeUnknown,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)

T = TypeVar("T")


class AwsCalls:
    """Sends the calls of one AWS service.

    `error_for` returns our error for an error's code and HTTP status. `messages` replace those of
    the error tree, by class, and `label` its name of the service.
    """

    def __init__(
        self,
        service: str,
        region: str,
        error_for: Callable[[str, int], StoreError],
        *,
        listeners: Sequence[Listener] = (),
        messages: Mapping[type[StoreError], str] | None = None,
        label: str = "",
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """Create the client, without a call. Raises Misconfigured for a bad region or endpoint."""
        self._service, self._error_for = service, error_for
        self._listeners, self._messages, self._label = listeners, messages or {}, label
        retry_window = DEADLINE - connect_timeout - read_timeout
        self.attempts = AttemptTracker(retry_window, self._is_throttle)
        try:
            self.client: Any = make_client(
                service, region, connect_timeout=connect_timeout, read_timeout=read_timeout
            )
        except (aws.BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise self._worded(Misconfigured(code=type(error).__name__)) from None
        self.attempts.watch(self.client)

    def send(
        self, operation: str, names: int, call: Callable[[], T], *, is_write: bool = False
    ) -> T:
        """Return the result of `call`. Turns every exception of botocore into a StoreError.

        `names` is the number of parameters or secrets that the call names, for the log.
        """
        with service_call(
            "store.call", operation, self._listeners, store=self._service, names=names
        ) as record:
            self.attempts.reset()
            try:
                with slot():
                    return call()
            except StoreError:
                raise
            except Exception as error:  # botocore's parser raises anything for a garbled response
                translated = self._translate(error, is_write)
            finally:
                record.throttles = self.attempts.throttles
            # Raised outside the handler, so that botocore's exception, which may quote a value, is
            # not its context.
            raise translated

    def _translate(self, error: Exception, is_write: bool) -> StoreError:
        """Return the StoreError for any exception of a call."""
        lost = self.attempts.lost
        if isinstance(error, NoFreeSlot):
            return self._worded(Throttled(code="TooManyCallsHere"))
        if isinstance(error, aws.ClientError):
            translated = self._error_for(*error_code(error))
        elif isinstance(error, aws.BotoCoreError):
            failed = Unreachable if is_unreachable(error) else Misconfigured
            translated = failed(code=type(error).__name__)
        else:
            translated = StoreFailed(code="UnreadableAnswer")
            lost = True
        unknown = is_write and lost
        return self._worded(OutcomeUnknown(code=translated.code) if unknown else translated)

    def _worded(self, error: StoreError) -> StoreError:
        """Return the error with this service's words, unless it has a message of its own."""
        kind = type(error)
        if kind in self._messages and error.message == kind.message:
            error = kind(self._messages[kind], code=error.code)
        error.service = self._label or error.service
        return error

    def _is_throttle(self, code: str, status: int) -> bool:
        return isinstance(self._error_for(code, status), Throttled)
