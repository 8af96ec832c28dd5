"""One line in the log for each call to the parameter store: how many, how long, how it ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from secrets_app.store.errors import StoreError

log = structlog.get_logger()


@dataclass(slots=True)
class Call:
    """A call to the store. `outcome` is a word of ours: "ok", or the name of the error's class.

    `throttles` counts the attempts that the store refused as too many, which a retry may mend.
    """

    operation: str
    outcome: str = "ok"
    seconds: float = 0.0
    throttles: int = 0


listeners: list[Callable[[Call], None]] = []  # told of each call that ended, in its own thread


@contextmanager
def store_call(store: str, operation: str, names: int) -> Iterator[Call]:
    """Log the block as one `store.call` event; `names` counts what the call names.

    The outcome is `ok` or the error's code, and never more: an exception's own words may quote
    a value.
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
        # Load balancers ask every few seconds
        tell = log.debug if (operation, code) == ("ping", "ok") else log.info
        tell(
            "store.call",
            store=store,
            operation=operation,
            names=names,
            duration_ms=round(call.seconds * 1000, 1),
            outcome=code,
        )
        for listener in listeners:
            listener(call)
