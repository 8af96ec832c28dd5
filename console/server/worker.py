"""A gunicorn worker whose threads never wait for a client to send.

gunicorn's own thread worker gives a client a thread while it sends its request and takes the
response, so a few slow clients occupy all threads. Here a loop reads whole requests and sends what
a client doesn't take at once, and threads work on complete requests only. docs/adr/0038 compares
the alternatives.
"""

import errno
import os
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.conf import settings
from gunicorn.workers import base

from console.server.connection import (
    BODY_SECONDS,
    HEAD_SECONDS,
    IDLE_SECONDS,
    READ_SECONDS,
    Connection,
    Refused,
)
from console.server.producing import produce

OTHER_FILES = 64  # database connections of all threads, logs, the store's connections
FEWEST_CONNECTIONS = 8
QUEUE = 256  # requests, running or waiting for a thread
HELD_BYTES = 32 << 20  # of requests and of responses that aren't sent
PROBE = "/healthz"
NO_FILES_LEFT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def most_connections(configured: int) -> int:
    """Return how many connections a process may keep open, given its limit of open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return configured
    return min(configured, max(files - OTHER_FILES, FEWEST_CONNECTIONS))


class Worker(base.Worker):  # type: ignore[misc]  # gunicorn has no types
    """A process that serves requests."""

    alive: bool

    def init_process(self) -> None:
        """Create the loop and the threads, then run."""
        self.selector = selectors.DefaultSelector()
        self.threads = ThreadPoolExecutor(self.cfg.threads, "request")
        self.probe_thread = ThreadPoolExecutor(1, "probe")  # free while all others are busy
        self.probes = {PROBE, f"{settings.FORCE_SCRIPT_NAME or ''}{PROBE}"}
        # Connections that wait for their client, the longest first
        self.waiting: dict[Connection, None] = {}
        self.finished: deque[tuple[Connection, BaseException | None]] = deque()
        self.most = most_connections(self.cfg.worker_connections)
        self.open = self.running = self.held = 0
        self.paused: list[Any] = []  # listeners, while no file is left
        self.swept = 0.0
        super().init_process()

    def run(self) -> None:
        """Serve until stopped, and finish the requests in progress."""
        self.selector.register(self.PIPE[0], READ, self._woken)
        for listener in self.sockets:
            if hasattr(
                socket, "TCP_DEFER_ACCEPT"
            ):  # Linux: accepting and reading are then one step
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, HEAD_SECONDS)
            self.selector.register(listener, READ, self._accept)
        while self.alive and self.ppid == os.getppid():
            self._step(1)
        self.alive = False
        for listener in self.sockets:
            with suppress(KeyError):
                self.selector.unregister(listener)
            listener.close()
        for connection in self.waiting:
            if not connection.outgoing.rest and not connection.incoming.has_begun:
                connection.deadline = min(connection.deadline, time.monotonic() + IDLE_SECONDS)
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.open and time.monotonic() < end:
            self._step(0.1)
        for pool in (self.threads, self.probe_thread):
            pool.shutdown(wait=False, cancel_futures=True)

    def _step(self, seconds: float) -> None:
        self.notify()
        for key, _ in self.selector.select(seconds):
            key.data(key.fileobj)
        while self.finished:
            self._responded(*self.finished.popleft())
        if time.monotonic() - self.swept >= min(seconds, 1):
            self._sweep()

    def _woken(self, pipe: int) -> None:
        """Forget the bytes that end `select`. Threads and signals write them."""
        with suppress(BlockingIOError):
            os.read(pipe, 4096)

    # Connections

    def _accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in NO_FILES_LEFT:
                raise
            if not self._drop_oldest():  # otherwise the next attempt may succeed
                self.selector.unregister(listener)
                self.paused.append(listener)
            return
        if self.open >= self.most and not self._drop_oldest():
            client.close()
            return
        self.open += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        self._wait(connection, HEAD_SECONDS, READ)
        self._read(connection)

    def _wait(self, connection: Connection, seconds: float, event: int) -> None:
        """Wait for the client, for at most this long."""
        connection.deadline = time.monotonic() + seconds
        self.waiting.pop(connection, None)
        self.waiting[connection] = None
        action: Callable[[Connection], None] = self._read if event == READ else self._write

        def ready(_: socket.socket) -> None:
            action(connection)

        try:
            self.selector.register(connection.socket, event, ready)
        except KeyError:
            self.selector.modify(connection.socket, event, ready)

    def _stop_waiting(self, connection: Connection) -> None:
        if connection in self.waiting:
            del self.waiting[connection]
            self.selector.unregister(connection.socket)

    def _close(self, connection: Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        self._stop_waiting(connection)
        connection.socket.close()
        self.open -= 1
        self.held -= connection.held
        connection.held = 0

    def _drop_oldest(self) -> bool:
        """Close the connection that has waited longest for its client. Return False if none has."""
        for connection in self.waiting:
            self._close(connection)
            return True
        return False

    def _sweep(self) -> None:
        """Close the connections whose clients took too long."""
        self.swept = now = time.monotonic()
        while self.paused and self.alive:
            self.selector.register(self.paused.pop(), READ, self._accept)
        for connection in [it for it in self.waiting if it.deadline < now]:
            is_reading = not connection.outgoing.rest and not connection.is_closing
            if is_reading and connection.incoming.has_begun:
                self._refuse(connection, Refused(408, "Request Timeout", "It took too long."))
            else:
                self._close(connection)

    def _count(self, connection: Connection, more: int = 0) -> None:
        """Count the bytes in memory. Beyond the limit, who has waited longest loses its place."""
        self.held += (size := connection.size() + more) - connection.held
        connection.held = size
        while self.held > HELD_BYTES and self._drop_oldest():
            pass

    # Requests

    def _read(self, connection: Connection) -> None:
        had_begun, had_head = connection.incoming.has_begun, connection.incoming.request
        if not connection.read():
            self._close(connection)
            return
        self._count(connection)
        if connection not in self.waiting or connection.is_closing:  # closed for lack of memory
            return
        try:
            connection.incoming.parse_head()
            connection.invite_body()
        except Refused as refusal:
            self._refuse(connection, refusal)
        except OSError:
            self._close(connection)
        except Exception as error:  # gunicorn's, of which there are many
            connection.is_closing = True
            self.handle_error(None, connection.outgoing, connection.address, error)
            self._send(connection)
        else:
            self._go_on(connection, had_begun, had_head is not None)

    def _go_on(self, connection: Connection, had_begun: bool, had_head: bool) -> None:
        """Start the request if it is complete, or give the client time for what is next."""
        incoming = connection.incoming
        if incoming.is_complete:
            self._start(connection)
        elif incoming.request is not None and not had_head:
            self._wait(connection, BODY_SECONDS, READ)
        elif incoming.has_begun and not had_begun:
            self._wait(connection, HEAD_SECONDS, READ)

    def _start(self, connection: Connection) -> None:
        """Let a thread respond. A probe has its own."""
        is_probe = connection.incoming.request.path in self.probes
        if not is_probe and self.running >= min(QUEUE, self.most // 2):
            self._refuse(connection, Refused(503, "Service Unavailable", "Try again in a moment."))
            return
        self._stop_waiting(connection)
        connection.incoming.hand_over()
        self.running += 1
        pool = self.probe_thread if is_probe else self.threads
        pool.submit(self._respond, connection)

    def _refuse(self, connection: Connection, refusal: Refused) -> None:
        connection.refuse(refusal.status, refusal.reason, refusal.message)
        self._send(connection)

    # Responses

    def _send(self, connection: Connection) -> None:
        """Send the rest of a response, within the time for it."""
        if connection.outgoing.rest:
            self._wait(connection, READ_SECONDS, WRITE)
            self._count(connection)
            if connection not in self.waiting:  # closed for lack of memory
                return
        self._write(connection)

    def _write(self, connection: Connection) -> None:
        """Send what the client takes. After all, wait for the next request or close."""
        try:
            connection.outgoing.send_rest()
        except OSError:
            self._close(connection)
            return
        if connection.outgoing.rest:
            return
        if connection.keep_alive:
            self._next_request(connection)
        elif connection.is_closing:
            # The client may still be sending. Closing now would make it lose the response.
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_WR)
            self._wait(connection, IDLE_SECONDS, READ)
        else:
            self._close(connection)

    def _next_request(self, connection: Connection) -> None:
        connection.next_request()
        has_begun = connection.incoming.has_begun
        self._wait(connection, HEAD_SECONDS if has_begun else IDLE_SECONDS, READ)
        if has_begun:
            self._read(connection)
        else:
            self._count(connection)

    def _respond(self, connection: Connection) -> None:
        """Run the application in a thread, and give the connection back to the loop."""
        error: BaseException | None = None
        try:
            connection.keep_alive = produce(self, connection)
            connection.outgoing.send_rest()
        except BaseException as raised:
            error = raised
        self.finished.append((connection, error))
        with suppress(BlockingIOError):  # it is full, so the loop wakes up anyway
            os.write(self.PIPE[1], b".")

    def _responded(self, connection: Connection, error: BaseException | None) -> None:
        self.running -= 1
        if error is None:
            self._send(connection)
        else:
            self._close(connection)
