"""An SSM that fails on demand: a proxy before the moto server.

    def test(faulty, faulty_store):                  # or hasty_store, where silence is to be short
        faulty.next(Fault.RESET_AFTER)               # the next request
        faulty.next(Fault.THROTTLING, times=3)       # and the retries after it
        faulty.next(Fault.ACCESS_DENIED, on="PutParameter")
        faulty.always(Fault.error("KMSDisabledException"))

An "after" fault lets the moto server act, and loses the answer. What was asked is in
`faulty.requests`. With `console_on_ssm`, ask for `faulty` too, and the console meets the faults.
"""

import http.client
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from secrets_app.store.ssm.client import SsmStore
from tests.plugins.moto import REGION, Moto
from tests.plugins.waiting import until

ARN = "arn:aws:kms:us-east-1:123456789012:key/0f9b04ee"
HASTY = 0.3  # seconds that a store waits for an answer that never comes
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for zero seconds


class Way(Enum):
    """What the client sees of a fault."""

    ERROR = auto()
    RESET = auto()
    SILENCE = auto()
    TRUNCATED = auto()
    ANSWER = auto()


@dataclass(frozen=True)
class Fault:
    """What goes wrong; `acts` says whether the store did what it was asked before."""

    way: Way
    acts: bool = False
    code: str = ""
    status: int = 400
    body: bytes = b""

    THROTTLING: ClassVar["Fault"]
    ACCESS_DENIED: ClassVar["Fault"]
    KMS_DENIED: ClassVar["Fault"]
    LIMIT: ClassVar["Fault"]
    SERVER_ERROR: ClassVar["Fault"]
    SERVER_ERROR_AFTER: ClassVar["Fault"]
    RESET: ClassVar["Fault"]
    RESET_AFTER: ClassVar["Fault"]
    SILENCE: ClassVar["Fault"]
    SILENCE_AFTER: ClassVar["Fault"]
    TRUNCATED: ClassVar["Fault"]
    GARBAGE: ClassVar["Fault"]

    @classmethod
    def error(cls, code: str, status: int = 400, *, acts: bool = False) -> "Fault":
        """Return SSM's refusal with an error code; its message quotes the value and an ARN."""
        return cls(Way.ERROR, acts, code, status)

    @classmethod
    def answer(cls, body: bytes, *, acts: bool = False) -> "Fault":
        """Return an HTTP 200 with this body, whatever was asked."""
        return cls(Way.ANSWER, acts, body=body)


Fault.THROTTLING = Fault.error("ThrottlingException")
Fault.ACCESS_DENIED = Fault.error("AccessDeniedException")
Fault.KMS_DENIED = Fault.error("KMSAccessDeniedException")
Fault.LIMIT = Fault.error("ParameterLimitExceeded")
Fault.SERVER_ERROR = Fault.error("InternalServerError", 500)
Fault.SERVER_ERROR_AFTER = Fault.error("InternalServerError", 500, acts=True)
Fault.RESET = Fault(Way.RESET)
Fault.RESET_AFTER = Fault(Way.RESET, acts=True)
Fault.SILENCE = Fault(Way.SILENCE)
Fault.SILENCE_AFTER = Fault(Way.SILENCE, acts=True)
Fault.TRUNCATED = Fault(Way.TRUNCATED, acts=True)
Fault.GARBAGE = Fault.answer(b"<html>Sign in to the guest network</html>")


@dataclass(frozen=True)
class Request:
    """What the client sent."""

    operation: str
    parameters: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Faulty:
    """The proxy's script and record."""

    url: str
    target: str
    requests: list[Request] = field(default_factory=list)
    date: str | None = None  # what its answers say of the time, instead of that
    _planned: list[tuple[Fault, str]] = field(default_factory=list)
    _standing: list[tuple[Fault, str]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _forwarding: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """Count a request that is on its way to the moto server."""
        with self._lock:
            self._forwarding += 1
        try:
            yield
        finally:
            with self._lock:
                self._forwarding -= 1

    def next(self, fault: Fault, *, times: int = 1, on: str = "") -> None:
        """Let the next requests (of the operation `on`, if given) meet the fault, in turn."""
        self._planned += [(fault, on)] * times

    def always(self, fault: Fault, *, on: str = "") -> None:
        """Let every request (of the operation `on`, if given) meet the fault."""
        self._standing.append((fault, on))

    def heal(self) -> None:
        """Forget all faults and requests; what waits in silence is let go.

        Returns once the store has done whatever was handed on to it, heard of or not.
        """
        until(lambda: self._forwarding == 0)
        self.let_go()
        self._planned.clear()
        self._standing.clear()
        self.requests.clear()

    def let_go(self) -> None:
        """Hang up on what waits in silence."""
        self._over.set()
        self._over = threading.Event()

    def operations(self) -> list[str]:
        """Return the operations that were asked for, in order, retries too."""
        return [request.operation for request in self.requests]

    def _fault_for(self, operation: str) -> Fault | None:
        for planned in self._planned:
            if planned[1] in {"", operation}:
                self._planned.remove(planned)
                return planned[0]
        return next((fault for fault, on in self._standing if on in {"", operation}), None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    faulty: Faulty

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # with no FIN first: a reset is to be a reset

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where the client went away; tests see what the client saw."""


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms for the headers' acknowledgement
    server: _Server

    def do_POST(self) -> None:
        """Forward to the moto server, unless a fault is planned."""
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        faulty = self.server.faulty
        request = Request(operation, json.loads(self.body), dict(self.headers))
        over = faulty._over
        with faulty.forwarding():
            faulty.requests.append(request)
            fault = faulty._fault_for(operation)
            done = self._forward() if fault is None or fault.acts else (200, b"")
        if fault is None:
            self._answer(*done)
        else:
            self._fail(fault, done, over)

    def _fail(self, fault: Fault, done: tuple[int, bytes], over: threading.Event) -> None:
        match fault.way:
            case Way.ERROR:
                self._answer(fault.status, self._refusal(fault.code))
            case Way.ANSWER:
                self._answer(200, fault.body)
            case Way.TRUNCATED:
                self._answer(done[0], done[1][: len(done[1]) // 2], len(done[1]))
            case Way.SILENCE:
                over.wait()
                self.close_connection = True
            case Way.RESET:
                linger = (socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self.connection.setsockopt(*linger)
                self.close_connection = True

    def _forward(self) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.server.faulty.target)
        try:
            connection.request("POST", self.path, self.body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _refusal(self, code: str) -> bytes:
        value = json.loads(self.body).get("Value", "")
        message = f"Value '{value}' at 'value' failed to satisfy constraint (key {ARN})"
        return json.dumps({"__type": code, "message": message}).encode()

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = length is not None

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return what the Date of an answer is."""
        date = self.server.faulty.date
        return super().date_time_string(timestamp) if date is None else date

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def faulty(moto: Moto, aws_environment: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """Point botocore at a proxy of this test's own, which has no faults yet."""
    with _Server(("127.0.0.1", 0), _Proxy) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        server.faulty = Faulty(url, urlsplit(moto.url).netloc)
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        aws_environment.setenv("AWS_ENDPOINT_URL_SSM", url)
        yield server.faulty
        server.faulty.heal()
        server.shutdown()
        thread.join()


@pytest.fixture
def faulty_store(faulty: Faulty) -> SsmStore:
    """Return our store behind the proxy."""
    return SsmStore(REGION)


@pytest.fixture
def hasty_store(faulty: Faulty) -> SsmStore:
    """Return our store behind the proxy, for silence alone: a busy machine may answer too late."""
    return SsmStore(REGION, read_timeout=HASTY)
