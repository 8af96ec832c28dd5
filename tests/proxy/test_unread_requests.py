"""A request that a view leaves unread is read to its end anyway, so that its response arrives.

Otherwise a proxy that is still sending gets a connection reset and responds with its own 502.
"""

import socket
from contextlib import closing

import pytest

from tests.fixtures.nginx import HOST
from tests.proxy.site import SIGN_IN, Site


@pytest.mark.slow
def test_it_works(site: Site) -> None:
    """A proxy sends a too large body in two parts and gets the response after the second."""
    part = b"x" * 1_500_000
    head = f"POST {SIGN_IN} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {2 * len(part)}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", site.console.port), 30)) as proxy:
        proxy.sendall(head.encode() + part)
        proxy.sendall(part)
        response = proxy.recv(1 << 16)
    assert response.startswith(b"HTTP/1.1 403 ")  # no CSRF token
