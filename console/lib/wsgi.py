"""Drain request bodies that a view left unread, such as an oversized form."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CHUNK, CHUNKS = 1 << 16, 64  # bytes and count: 4 MiB in all, more than a proxy lets through


def drain_request_body(application: Application) -> Application:
    """Return a WSGI application that reads the rest of a request's body once it is answered.

    Closing a connection with unread data resets it. A proxy that is still sending would then
    discard our response and show its own 502 page.
    """

    def drain(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = application(environ, start_response)
        rest = environ["wsgi.input"]
        with suppress(OSError):  # the client has disconnected
            any(not rest.read(CHUNK) for _ in range(CHUNKS))
        return response

    return drain
