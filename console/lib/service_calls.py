"""Calls to a service outside the process: their errors, their log lines and their counts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar

import structlog

log = structlog.get_logger()


class ServiceError(Exception):
    """Base class of the errors of a service. `status` is the HTTP status of a page that fails.

    `message` is for users: what happened and what to do. It never holds a value, an ARN or an
    account. `code` is for operators and logs: the service's own error code.
    """

    service: str = "A service"  # begins a sentence of error pages
    status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 5  # of a command; docs/commands.md lists all
    message: str = "A service gave an unexpected response. Try again in a minute."

    def __init__(self, message: str = "", *, code: str = "") -> None:
        self.message = message or type(self).message
        self.code = code or type(self).__name__
        super().__init__(self.message)


@dataclass(slots=True)
class Call:
    """A call to a service. `outcome` is "ok" or the name of the error's class.

    `throttles` counts throttled attempts, even if a retry succeeded.
    """

    operation: str
    outcome: str = "ok"
    seconds: float = 0.0
    throttles: int = 0


Listener = Callable[[Call], None]  # called after each call, in the calling thread


@contextmanager
def service_call(
    event: str, operation: str, listeners: Sequence[Listener], **fields: str | int
) -> Iterator[Call]:
    """Log the block as one event, with `fields`.

    The logged outcome is "ok" or the error's code. An exception's message may quote a value, so it
    is never logged.
    """
    started = monotonic()
    call, code = Call(operation), "ok"
    try:
        yield call
    except ServiceError as error:
        call.outcome, code = type(error).__name__, error.code
        raise
    except Exception as error:
        call.outcome, code = "Failed", type(error).__name__
        raise
    finally:
        call.seconds = monotonic() - started
        # Health checks ping every few seconds, which would fill the log.
        log_at = log.debug if (operation, code) == ("ping", "ok") else log.info
        log_at(
            event,
            operation=operation,
            duration_ms=round(call.seconds * 1000, 1),
            outcome=code,
            **fields,
        )
        for listener in listeners:
            listener(call)
