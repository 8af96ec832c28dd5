"""Logging and counting of calls to the parameter store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from secrets_app.store.errors import StoreError

log = structlog.get_logger()


@dataclass(slots=True)
class Call:
    """A call to the store. `outcome` is "ok" or the name of the error's class.

    `throttles` counts throttled attempts, even if a retry succeeded.
    """

    operation: str
    outcome: str = "ok"
    seconds: float = 0.0
    throttles: int = 0


listeners: list[Callable[[Call], None]] = []  # called after each call, in the calling thread


@contextmanager
def store_call(store: str, operation: str, names: int) -> Iterator[Call]:
    """Log the block as one `store.call` event. `names` is the number of parameters it names.

    The logged outcome is "ok" or the error's code. An exception's message may quote a value, so it
    is never logged.
    """
    started = monotonic()
    call, code = Call(operation), "ok"
    try:
        yield call
    except StoreError as error:
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
            "store.call",
            store=store,
            operation=operation,
            names=names,
            duration_ms=round(call.seconds * 1000, 1),
            outcome=code,
        )
        for listener in listeners:
            listener(call)
