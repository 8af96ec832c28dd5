"""What a view leaves unread of a request, such as a form that is too large."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CHUNK, CHUNKS = 1 << 16, 64  # bytes, and how many: more than a proxy lets through


def reading_to_the_end(application: Application) -> Application:
    """Return a WSGI application that reads what another one left of a request it has answered.

    A connection that is closed with something unread in it is reset, and a proxy that was still
    sending takes the answer for none: people would see its 502 in the place of our words.
    """

    def reading(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = application(environ, start_response)
        rest = environ["wsgi.input"]
        with suppress(OSError):  # the client has gone
            any(not rest.read(CHUNK) for _ in range(CHUNKS))
        return answer

    return reading
