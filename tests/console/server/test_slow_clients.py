"""Slow and idle clients occupy no thread, and /healthz always answers (guarantees 43 and 48).

The server is real. Its time limits are shorter here, and its threads fewer, than in a deployment.
"""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from console.lib.paths import BASE_DIR
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import LONGEST, until

THREADS = 2
PAGE = 3_000_000  # bytes, more than the kernel keeps for a client
pytestmark = pytest.mark.slow

APPLICATION = f"""
import os, time

def mark(name):
    with open(name, "a") as file:
        file.write(".")

def application(environ, start_response):
    path = environ["PATH_INFO"].strip("/")
    mark(f"started-{{path}}")
    while path == "wait" and not os.path.exists("go"):
        time.sleep(0.05)
    size = len(environ["wsgi.input"].read())
    parts = {{
        "page": [b"x" * {PAGE}],
        "stream": (b"x" * 100_000 for _ in range({PAGE // 100_000})),
    }}.get(path, [b"%d bytes" % size])
    is_large = path in {{"page", "stream"}}
    start_response("200 OK", [("Content-Length", str({PAGE}))] if is_large else [])
    return to_the_end(path, parts)

def to_the_end(path, parts):
    try:
        yield from parts
    finally:
        mark(f"ended-{{path}}")
"""
LIMITS = {
    "HEAD_SECONDS": 30,
    "BODY_SECONDS": 30,
    "READ_SECONDS": 30,
    "IDLE_SECONDS": 1,
    "QUEUE": 50,
}
CONFIG = f"""
from console.server import connection, worker
for module in (connection, worker):
    vars(module).update(LIMITS)
worker_class = "console.server.worker.Worker"
workers, threads, worker_connections = 1, {THREADS}, CONNECTIONS
control_socket_disable = True
graceful_timeout = 5
"""


class Gunicorn:
    """A gunicorn with one process and an application of this test."""

    def __init__(self, folder: Path, connections: int = 100, **limits: int) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "app.py").write_text(APPLICATION)
        text = CONFIG.replace("LIMITS", str(LIMITS | limits))
        (folder / "config.py").write_text(text.replace("CONNECTIONS", str(connections)))

    @contextmanager
    def running(self, files: int = 512) -> Iterator["Gunicorn"]:
        """Run it with this limit of open files."""
        command = [sys.executable, "-m", "gunicorn", "--config", "config.py", "app:application"]
        command += ["--bind", f"127.0.0.1:{self.port}"]
        environment = os.environ | {"PYTHONPATH": f"{self.folder}:{BASE_DIR}"}

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        with (
            (self.folder / "log").open("w") as log,
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=limit,
            ) as process,
        ):
            self.pid = process.pid
            try:
                until(self.is_healthy)
                yield self
            finally:
                (self.folder / "go").touch()
                process.terminate()

    def connect(self, data: bytes = b"", buffer: int = 0) -> socket.socket:
        """Open a connection and send the data. `buffer` limits what the kernel takes for us."""
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(LONGEST)
        try:
            client.connect(("127.0.0.1", self.port))
            client.sendall(data)
        except OSError:
            client.close()
            raise
        return client

    def answer(self, data: bytes) -> bytes:
        """Send a request and return everything until the server closes the connection."""
        with self.connect(data) as client:
            return everything(client)

    def is_healthy(self) -> bool:
        """Return True if /healthz answers."""
        try:
            return self.answer(HEALTHZ).startswith(b"HTTP/1.1 200")
        except ConnectionError:
            return False

    def count(self, mark: str) -> int:
        """Return how often the application has left this mark."""
        file = self.folder / mark
        return len(file.read_text()) if file.exists() else 0

    def sockets(self) -> int:
        """Return how many sockets the process has open."""
        [pid] = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        names = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
        return sum(name.startswith("socket:") for name in names)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Return a server that several tests share."""
    with Gunicorn(tmp_path_factory.mktemp("server")).running() as server:
        yield server


def everything(client: socket.socket) -> bytes:
    """Return what arrives until the server closes the connection."""
    received = b""
    while data := client.recv(1 << 16):
        received += data
    return received


HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
SLOW = {
    "idle": b"",
    "half a line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "one byte of a body": POST % 100 + b"x",
    "no body": POST % 2_000_000,
}


@pytest.mark.parametrize("kind", SLOW)
def test_it_works(server: Gunicorn, kind: str) -> None:
    """More slow clients than threads: requests and probes are answered as if there were none."""
    with ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(server.connect(SLOW[kind]))
        for _ in range(3):
            assert server.answer(GET).endswith(b"0 bytes\r\n0\r\n\r\n")
            assert server.is_healthy()


def test_body_in_parts(server: Gunicorn) -> None:
    with server.connect() as client:
        for byte in POST % 5 + b"12345":
            client.sendall(bytes([byte]))
        assert b"5 bytes" in everything(client)


def test_several_requests_at_once(server: Gunicorn) -> None:
    first, second = (text.replace(b"Connection: close\r\n", b"") for text in (GET, POST % 3))
    received = server.answer(first + second + b"abc" + GET)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert b"3 bytes" in received


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        pytest.param("idle", b"", marks=pytest.mark.exhaustive),
        ("half a head", b"HTTP/1.1 408 "),
        ("one byte of a body", b"HTTP/1.1 408 "),
    ],
)
def test_time_for_a_request_is_limited(tmp_path: Path, kind: str, answer: bytes) -> None:
    with Gunicorn(tmp_path, HEAD_SECONDS=1, BODY_SECONDS=1).running() as server:
        received = server.answer(SLOW[kind])
    assert received.startswith(answer)
    assert bool(received) == bool(answer)


def test_time_is_not_extended_by_each_byte(tmp_path: Path) -> None:
    with Gunicorn(tmp_path, HEAD_SECONDS=1).running() as server, server.connect() as client:
        client.settimeout(0.05)
        received = b""
        while not received:
            client.sendall(b"x")
            try:
                received = client.recv(100)
            except TimeoutError:
                continue
        assert received.startswith(b"HTTP/1.1 408 ")


def test_more_clients_than_connections(tmp_path: Path) -> None:
    """Who has waited longest makes room."""
    with Gunicorn(tmp_path, connections=10).running() as server, ExitStack() as clients:
        opened = [clients.enter_context(server.connect(b"GET")) for _ in range(30)]
        assert server.is_healthy()
        assert everything(opened[0]) == b""
        opened[-1].sendall(GET.removeprefix(b"GET"))
        assert b"0 bytes" in everything(opened[-1])


@pytest.mark.exhaustive
def test_few_open_files(tmp_path: Path) -> None:
    """The limit is reached before the number of connections is."""
    with Gunicorn(tmp_path).running(files=60) as server, ExitStack() as clients:
        for _ in range(100):
            clients.enter_context(server.connect(b"GET"))
        assert server.is_healthy()
        assert b"0 bytes" in server.answer(GET)


def test_busy_threads_leave_the_probe_alone(tmp_path: Path) -> None:
    with Gunicorn(tmp_path).running() as server, ExitStack() as clients:
        for _ in range(3 * THREADS):
            clients.enter_context(server.connect(WAIT))
        until(lambda: server.count("started-wait") == THREADS)
        assert server.is_healthy()


def test_too_many_requests_in_line(tmp_path: Path) -> None:
    with Gunicorn(tmp_path, QUEUE=5).running() as server, ExitStack() as clients:
        waiting = [clients.enter_context(server.connect(WAIT)) for _ in range(5)]
        until(lambda: server.answer(GET).startswith(b"HTTP/1.1 503 "))
        assert server.is_healthy()
        (tmp_path / "go").touch()
        assert all(b"0 bytes" in everything(client) for client in waiting)
        assert b"0 bytes" in server.answer(GET)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (POST % 5_000_000 + b"x" * 100_000, 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_refused_request(server: Gunicorn, request_: bytes, status: int) -> None:
    """The answer arrives although the request isn't read to its end."""
    received = server.answer(request_)
    assert received.startswith(f"HTTP/1.1 {status} ".encode())


def test_client_that_waits_for_an_invitation(server: Gunicorn) -> None:
    head = (POST % 3).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with server.connect(head) as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert b"3 bytes" in everything(client)


def test_slow_reader_of_a_page(tmp_path: Path) -> None:
    """The loop sends the page, so the thread is free at once."""
    page = WAIT.replace(b"/wait", b"/page")
    with Gunicorn(tmp_path).running() as server, ExitStack() as clients:
        readers = [clients.enter_context(server.connect(page, 4096)) for _ in range(5)]
        until(lambda: server.count("ended-page") == 5)
        assert b"0 bytes" in server.answer(GET)
        for reader in readers:
            assert everything(reader).endswith(b"\r\n\r\n" + b"x" * PAGE)


def test_time_to_read_a_page_is_limited(tmp_path: Path) -> None:
    page = WAIT.replace(b"/wait", b"/page")
    with Gunicorn(tmp_path, READ_SECONDS=1).running() as server:
        until(lambda: server.sockets() == 1)  # the one that listens
        with server.connect(page, 4096) as reader:
            until(lambda: server.count("ended-page") == 1)
            until(lambda: server.sockets() == 1)
            assert len(everything(reader)) < PAGE


@pytest.mark.exhaustive
def test_slow_reader_of_a_stream(tmp_path: Path) -> None:
    """A stream occupies its thread, for a limited time."""
    stream = WAIT.replace(b"/wait", b"/stream")
    with Gunicorn(tmp_path, READ_SECONDS=1).running() as server, ExitStack() as clients:
        for _ in range(THREADS):
            clients.enter_context(server.connect(stream, 4096))
        assert server.is_healthy()
        until(lambda: server.count("ended-stream") == THREADS)
        assert b"0 bytes" in server.answer(GET)


def test_stream(server: Gunicorn) -> None:
    received = server.answer(WAIT.replace(b"/wait", b"/stream"))
    assert received.endswith(b"\r\n\r\n" + b"x" * PAGE)


@pytest.mark.exhaustive
def test_reader_that_leaves(tmp_path: Path) -> None:
    stream = WAIT.replace(b"/wait", b"/stream")
    with Gunicorn(tmp_path).running() as server:
        server.connect(stream, 4096).close()
        until(lambda: server.count("ended-stream") == 1)
        assert b"0 bytes" in server.answer(GET)


@pytest.mark.exhaustive
def test_many_large_requests(tmp_path: Path) -> None:
    """Together they would need 80 MB: who has waited longest loses its place."""
    with Gunicorn(tmp_path).running() as server, ExitStack() as clients:
        for _ in range(20):
            client = clients.enter_context(server.connect())
            client.sendall(POST % 4_100_000 + b"x" * 4_000_000)
        assert b"0 bytes" in server.answer(GET)
        assert server.is_healthy()


def test_stop_finishes_what_has_begun(tmp_path: Path) -> None:
    with ExitStack() as clients:
        with Gunicorn(tmp_path).running() as server:
            idle = clients.enter_context(server.connect(GET.replace(b"close", b"keep-alive")))
            assert idle.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            working = clients.enter_context(server.connect(WAIT))
            until(lambda: server.count("started-wait") == 1)
        assert b"0 bytes" in everything(working)
        assert b"HTTP/1.1" not in everything(idle)
