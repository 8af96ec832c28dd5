"""The rest of a request that a view leaves unread is drained, so that its response arrives.

Otherwise a proxy that is still sending gets a connection reset and responds with its own 502.
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
from tests.proxy.site import SIGN_IN, Site


@pytest.mark.slow
def test_it_works(site: Site) -> None:
    """A proxy sends a too large body in two parts and gets the response after the second."""
    part = b"x" * 1_500_000
    head = f"POST {SIGN_IN} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {2 * len(part)}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", site.console.port), 30)) as proxy:
        proxy.sendall(head.encode() + part)
        time.sleep(0.5)  # until the console has responded
        proxy.sendall(part)
        response = proxy.recv(1 << 16)
    assert response.startswith(b"HTTP/1.1 403 ")  # no CSRF token


class Body(io.BytesIO):
    """The body of a request, which can fail."""

    failure: OSError | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self.failure:
            raise self.failure
        return super().read(size)


def response_status(body: Body) -> int:
    """Return the status of the response to a POST with this body."""
    statuses: list[int] = []
    start: Callable[..., Any] = lambda status, _headers, *_: statuses.append(int(status[:3]))  # noqa: E731
    environ = RequestFactory().post("/nowhere/").environ
    environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(len(body.getvalue()))}
    b"".join(drain_request_body(WSGIHandler())(environ, start))
    return statuses[0]


@pytest.mark.django_db
def test_body_is_read_to_the_end() -> None:
    body = Body(b"x" * 3_000_000)
    assert response_status(body) == 404
    assert body.read() == b""


@pytest.mark.django_db
def test_huge_body_is_not_read_to_the_end() -> None:
    body = Body(b"x" * (CHUNK * CHUNKS + 1))
    response_status(body)
    assert len(body.read()) == 1


@pytest.mark.django_db
def test_client_closes_the_connection() -> None:
    body = Body(b"x" * 10)
    body.failure = ConnectionResetError()
    assert response_status(body) == 404
