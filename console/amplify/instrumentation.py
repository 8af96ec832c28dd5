"""Logging and counting of calls to Amplify."""

from contextlib import AbstractContextManager

from console.lib.service_calls import Call, Listener, service_call

listeners: list[Listener] = []


def amplify_call(operation: str) -> AbstractContextManager[Call]:
    """Log the block as one `amplify.call` event."""
    return service_call("amplify.call", operation, listeners)
