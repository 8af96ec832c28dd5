"""Somebody at a browser: cookies, TLS, an address of his own, and each answer as it came."""

import re
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlencode

from tests.fixtures.nginx import HOST, Nginx


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes
    cookies: "list[Morsel[str]]"

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()


@dataclass
class Person:
    """Who asks nginx over TLS, or past it, from an address of this machine's loopback."""

    nginx: Nginx
    address: str = "127.0.0.1"
    past: int = 0  # the console's own port, to go past nginx
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """Send a form with the token of the page that it is on."""
        page = self.get(path).text
        [token, *_] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        return self.post_plain(path, fields | {"csrfmiddlewaretoken": token}, **headers)

    def post_plain(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """Send a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{HOST}"}
        return self.ask("POST", path, urlencode(fields).encode(), headers=kind | headers)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str],
        tls: bool = True,
    ) -> Answer:
        """Ask, and keep the cookies. Underscores in a header's name stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = self._connect(tls)
        try:
            sent = {"Host": HOST, **({"Cookie": jar} if jar else {}), **named}
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return self._kept(
                Answer(answer.status, answer.headers, answer.read(), set_by(answer.headers))
            )
        finally:
            connection.close()

    def _connect(self, tls: bool) -> HTTPConnection:
        port = self.past or (self.nginx.https if tls else self.nginx.http)
        plain = socket.create_connection(
            ("127.0.0.1", port), timeout=60, source_address=(self.address, 0)
        )
        connection = HTTPConnection(HOST)
        connection.sock = plain
        if tls and not self.past:
            context = ssl.create_default_context(cafile=str(self.nginx.certificate))
            connection.sock = context.wrap_socket(plain, server_hostname=HOST)
        return connection

    def _kept(self, answer: Answer) -> Answer:
        self.cookies |= {cookie.key: cookie.value for cookie in answer.cookies}
        return answer


def set_by(headers: HTTPMessage) -> "list[Morsel[str]]":
    """Return the cookies that an answer sets."""
    lines = headers.get_all("Set-Cookie") or []
    return [cookie for line in lines for cookie in SimpleCookie(line).values()]
