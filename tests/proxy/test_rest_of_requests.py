"""What a view leaves unread of a request is read all the same, so that its answer arrives.

Else a proxy that is still sending finds its connection reset, and shows a 502 of its own.
"""

import io
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from console.lib.wsgi import CHUNK, CHUNKS, drain_request_body
from tests.fixtures.nginx import HOST
from tests.proxy.conftest import SIGN_IN, Site


@pytest.mark.slow
def test_it_works(site: Site) -> None:
    """A proxy sends what is too large in two parts, and the answer comes after the second."""
    part = b"x" * 1_500_000
    head = f"POST {SIGN_IN} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {2 * len(part)}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", site.console.port), 30)) as proxy:
        proxy.sendall(head.encode() + part)
        time.sleep(0.5)  # until the console has its answer
        proxy.sendall(part)
        answer = proxy.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 403 ")  # there is no token


class Body(io.BytesIO):
    """A request's body that can fail."""

    failure: OSError | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self.failure:
            raise self.failure
        return super().read(size)


def answered(body: Body) -> int:
    """Return the status of an answer to a POST with this body."""
    statuses: list[int] = []
    start: Callable[..., Any] = lambda status, _headers, *_: statuses.append(int(status[:3]))  # noqa: E731
    environ = RequestFactory().post("/nowhere/").environ
    environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(len(body.getvalue()))}
    b"".join(drain_request_body(WSGIHandler())(environ, start))
    return statuses[0]


@pytest.mark.django_db
def test_all_of_it_is_read() -> None:
    body = Body(b"x" * 3_000_000)
    assert answered(body) == 404
    assert body.read() == b""


@pytest.mark.django_db
def test_what_has_no_end_is_left() -> None:
    body = Body(b"x" * (CHUNK * CHUNKS + 1))
    answered(body)
    assert len(body.read()) == 1


@pytest.mark.django_db
def test_a_client_that_has_gone() -> None:
    body = Body(b"x" * 10)
    body.failure = ConnectionResetError()
    assert answered(body) == 404
