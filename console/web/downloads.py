"""Send one file at a time to each person: a file can take much memory, or a thread for long."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

# Longer than the server lets a client take. A killed process leaves its mark that long.
LONGEST = 660  # seconds


def one_at_a_time(
    request: HttpRequest, respond: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Return the response with a file, or a 429 while the person downloads another one."""
    key, mark = f"download-{request.user.pk}", secrets.token_hex(8)
    if not cache.add(key, mark, timeout=LONGEST):
        busy = render(request, "429.html", {"is_download": True}, status=429)
        busy["Retry-After"] = "60"
        return busy

    def release() -> None:
        if cache.get(key) == mark:  # otherwise it has expired, and the next download began
            cache.delete(key)

    try:
        response = respond()
    except BaseException:
        release()
        raise
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = _Releasing(response.streaming_content, release)
    else:
        release()
    return response


class _Releasing:
    """Passes parts on. Unlike a generator's end, `close` is called even if none was taken."""

    def __init__(self, parts: Any, release: Callable[[], None]) -> None:
        self._parts, self._release = parts, release

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        self._release()
