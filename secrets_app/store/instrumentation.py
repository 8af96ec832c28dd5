"""Logging and counting of calls to the parameter store."""

from contextlib import AbstractContextManager

from console.lib.service_calls import Call, Listener, service_call

listeners: list[Listener] = []


def store_call(store: str, operation: str, names: int) -> AbstractContextManager[Call]:
    """Log the block as one `store.call` event. `names` is the number of parameters it names."""
    return service_call("store.call", operation, listeners, store=store, names=names)
