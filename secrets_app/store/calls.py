"""One line in the log for each call to the parameter store: how many, how long, how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import structlog

from secrets_app.store.errors import StoreError

log = structlog.get_logger()


@contextmanager
def store_call(store: str, operation: str, names: int) -> Iterator[None]:
    """Log the block as one `store.call` event; `names` counts what the call names.

    The outcome is `ok` or the error's code, and never more: an exception's own words may quote
    a value.
    """
    started = monotonic()
    outcome = "ok"
    try:
        yield
    except Exception as error:
        outcome = error.code if isinstance(error, StoreError) else type(error).__name__
        raise
    finally:
        log.info(
            "store.call",
            store=store,
            operation=operation,
            names=names,
            duration_ms=round((monotonic() - started) * 1000, 1),
            outcome=outcome,
        )
