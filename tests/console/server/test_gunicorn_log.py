"""gunicorn's own log lines have the console's format, and quote nothing of a request."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.fixtures.waiting import LONGEST, until
from tests.soak.replicas.server import Server, copy_started_to, running

MARKER = "c4n4ry"
SETTINGS = {
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a console as deployed."""
    server = Server(copy_started_to(tmp_path_factory.mktemp("console")), SETTINGS)
    with running(server):
        yield server


def send(console: Server, request: str) -> None:
    """Send raw bytes and wait for the response."""
    with socket.create_connection(("127.0.0.1", console.port), timeout=LONGEST) as connection:
        connection.sendall(request.encode())
        while connection.recv(1 << 16):
            pass


def lines(console: Server) -> list[dict[str, object]]:
    """Return the log's lines, after the link that the start prints."""
    text = console.log.read_text().splitlines()
    return [json.loads(line) for line in text if not line.startswith("Set up")]


def test_it_works(console: Server) -> None:
    headers = (
        f"Host: 127.0.0.1\r\nReferer: http://127.0.0.1/?q={MARKER}\r\nConnection: close\r\n\r\n"
    )
    send(console, f"GET /accounts/login/?q={MARKER} HTTP/1.1\r\n{headers}")
    line = "GET /accounts/login/?[redacted]"
    until(lambda: any(it.get("request") == line for it in lines(console)))
    assert MARKER not in console.log.read_text()


BROKEN = {
    "space in the query": f"GET /?q=a {MARKER} HTTP/1.1\r\n\r\n",
    "no version": f"GET /?q={MARKER}\r\n\r\n",
    "method": f"{MARKER}! / HTTP/1.1\r\n\r\n",
    "header name": f"GET / HTTP/1.1\r\nCookie {MARKER}: x\r\n\r\n",
    "header": f"GET / HTTP/1.1\r\n{MARKER}\r\n\r\n",
    "folded header": f"GET / HTTP/1.1\r\nCookie: a\r\n {MARKER}\r\n\r\n",
    "chunks": f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {MARKER}\r\n\r\n",
    "expectation": f"GET / HTTP/1.1\r\nHost: x\r\nExpect: {MARKER}\r\n\r\n",
    "long query": f"GET /?q={MARKER * 2000} HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_request_that_gunicorn_can_not_read(console: Server, kind: str) -> None:
    before = len(lines(console))
    send(console, BROKEN[kind])
    until(lambda: len(lines(console)) > before)
    assert MARKER not in console.log.read_text()
