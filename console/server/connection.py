"""A client's connection: a request as it arrives, and the response as far as it isn't sent."""

import select
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn import http, util

HEAD_BYTES = 1 << 16
BODY_BYTES = 1 << 22  # more than Django accepts, so that it answers with a page that says so
HEAD_SECONDS, BODY_SECONDS = 10, 30  # to send all of it
IDLE_SECONDS = 2  # between two requests, and to notice that we close
READ_SECONDS = 60  # to take a whole page, or the next PART of what is streamed
STREAM_SECONDS = 600  # to take all of what is streamed
PART = 1 << 16  # bytes that are read or sent at once
END = b"\r\n\r\n"


class Refused(Exception):
    """Raised for a request that no application sees: its status, reason and a message."""

    def __init__(self, status: int, reason: str, message: str = "") -> None:
        self.status, self.reason, self.message = status, reason, message
        super().__init__(reason)


class Incoming:
    """A request that arrives in parts.

    `received` is what isn't parsed: the head, then the body, then the begin of the next request.
    """

    def __init__(self, config: Any, client: Any) -> None:
        self.received = bytearray()
        self.request: Any = None
        self.length = 0  # of the body
        self.expects_continue = False
        self.size_of_body = 0  # once it was handed over
        self._config, self._client = config, client
        self._parser: Any = None

    @property
    def has_begun(self) -> bool:
        """Return True if a part has arrived."""
        return bool(self.received or self.request)

    @property
    def is_complete(self) -> bool:
        """Return True if nothing is missing."""
        return self.request is not None and len(self.received) >= self.length

    def parse_head(self) -> None:
        """Parse the head if it has arrived. Raises Refused, and gunicorn's errors."""
        end = self.received.find(END)
        if self.request is not None or end < 0:
            if self.request is None and len(self.received) > HEAD_BYTES:
                raise Refused(431, "Request Header Fields Too Large")
            return
        head, self.received = bytes(self.received[: end + 4]), self.received[end + 4 :]
        self._parser = http.get_parser(self._config, [head], self._client)
        request = next(self._parser)
        headers = dict(request.headers)
        if "TRANSFER-ENCODING" in headers:
            raise Refused(411, "Length Required", "Send the Content-Length of the body.")
        self.length = int(headers.get("CONTENT-LENGTH", "0"))  # which the parser has validated
        if self.length > BODY_BYTES:
            raise Refused(413, "Content Too Large", f"Send at most {BODY_BYTES:,} bytes.")
        self.expects_continue = headers.get("EXPECT", "").lower() == "100-continue"
        self.request = request

    def hand_over(self) -> None:
        """Let the request read its body, which is complete."""
        self._parser.unreader.unread(bytes(self.received[: self.length]))
        self.received = self.received[self.length :]
        self.size_of_body = self.length


class Outgoing:
    """What gunicorn takes for the client's socket when a thread writes the response.

    The thread waits for the client only if it streams: if it has more to send while an earlier part
    isn't sent yet.
    """

    def __init__(self, client: socket.socket) -> None:
        self.rest = bytearray()
        self._client = client
        self._deadline = time.monotonic() + STREAM_SECONDS

    def sendall(self, data: bytes) -> None:
        """Send the data or keep it. Raises OSError if the client is gone or too slow."""
        while len(self.rest) >= PART:
            self._wait()
            self.send_rest()
        self.rest += data
        if len(self.rest) >= PART:
            self.send_rest()

    def send_rest(self) -> None:
        """Send what the client takes now. Raises OSError if it is gone."""
        with suppress(BlockingIOError):
            while self.rest:
                del self.rest[: self._client.send(self.rest)]

    def send(self, data: bytes) -> None:
        """Do nothing: gunicorn announces here that a body may be sent, which has arrived."""

    def gettimeout(self) -> float:
        """Return 0: gunicorn needn't make this non-blocking before it reports an error."""
        return 0.0

    def _wait(self) -> None:
        seconds = min(READ_SECONDS, self._deadline - time.monotonic())
        poll = select.poll()
        poll.register(self._client, select.POLLOUT)
        if seconds <= 0 or not poll.poll(seconds * 1000):
            raise TimeoutError("The client takes the response too slowly.")


class Connection:
    """A client. The worker's loop owns it, except while a thread responds.

    `deadline` is the time until which the loop waits for the client.
    """

    def __init__(self, config: Any, client: socket.socket, address: Any, server: Any) -> None:
        client.setblocking(False)
        self.socket, self.address, self.server = client, address, server
        self.incoming = Incoming(config, address)
        self.outgoing = Outgoing(client)
        self.deadline = 0.0
        self.is_closing = False  # after a refusal, what the client still sends is ignored
        self.keep_alive = False
        self.held = 0  # bytes, as last counted by the worker
        self._config = config

    def read(self) -> bool:
        """Read what has arrived. Return False if the client has closed the connection."""
        try:
            data = self.socket.recv(PART)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self.is_closing:
            self.incoming.received += data
        return bool(data)

    def invite_body(self) -> None:
        """Tell a client that asked that it may send the body."""
        if self.incoming.expects_continue and not self.incoming.is_complete:
            self.incoming.expects_continue = False
            self.outgoing.rest += b"HTTP/1.1 100 Continue\r\n\r\n"
            self.outgoing.send_rest()

    def refuse(self, status: int, reason: str, message: str = "") -> None:
        """Prepare a short response, after which the connection is closed."""
        self.keep_alive, self.is_closing = False, True
        util.write_error(self.outgoing, status, reason, message)

    def next_request(self) -> None:
        """Begin with the next request, a part of which may have arrived."""
        rest = self.incoming.received
        self.incoming = Incoming(self._config, self.address)
        self.incoming.received = rest
        self.outgoing = Outgoing(self.socket)

    def size(self) -> int:
        """Return how many bytes are in memory for this client."""
        incoming = self.incoming
        return len(incoming.received) + incoming.size_of_body + len(self.outgoing.rest)
