"""A minimal browser: cookies, TLS, a chosen client address, and raw responses."""

import re
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlencode

from tests.fixtures.nginx import HOST, Nginx


@dataclass
class Response:
    """A response as received."""

    status: int
    headers: HTTPMessage
    body: bytes
    cookies: "list[Morsel[str]]"

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()


@dataclass
class Browser:
    """A browser at a loopback address, which sends requests through nginx or past it."""

    nginx: Nginx
    address: str = "127.0.0.1"
    console_port: int = 0  # if set, requests bypass nginx
    cookies: dict[str, str] = field(default_factory=dict)
    host: str = HOST  # as in the browser's address, with a port if it isn't 443

    def get(self, path: str, **headers: str) -> Response:
        """Request a page."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Response:
        """Post a form with the CSRF token of its page."""
        page = self.get(path).text
        [token, *_] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        return self.post_plain(path, fields | {"csrfmiddlewaretoken": token}, **headers)

    def post_plain(self, path: str, fields: dict[str, str], **headers: str) -> Response:
        """Post a form without a CSRF token."""
        kind = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"https://{self.host}",
        }
        return self.request("POST", path, urlencode(fields).encode(), headers=kind | headers)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str],
        tls: bool = True,
    ) -> Response:
        """Send a request and store the cookies. Underscores in header names become hyphens."""
        renamed = {name.replace("_", "-"): value for name, value in headers.items()}
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = self._connect(tls)
        try:
            all_headers = {"Host": self.host, **({"Cookie": cookies} if cookies else {}), **renamed}
            connection.request(method, path, body or None, all_headers)
            response = connection.getresponse()
            return self._store_cookies(
                Response(
                    response.status, response.headers, response.read(), set_by(response.headers)
                )
            )
        finally:
            connection.close()

    def _connect(self, tls: bool) -> HTTPConnection:
        port = self.console_port or (self.nginx.https if tls else self.nginx.http)
        plain = socket.create_connection(
            ("127.0.0.1", port), timeout=60, source_address=(self.address, 0)
        )
        connection = HTTPConnection(HOST)
        connection.sock = plain
        if tls and not self.console_port:
            context = ssl.create_default_context(cafile=str(self.nginx.certificate))
            connection.sock = context.wrap_socket(plain, server_hostname=HOST)
        return connection

    def _store_cookies(self, response: Response) -> Response:
        self.cookies |= {cookie.key: cookie.value for cookie in response.cookies}
        return response


def set_by(headers: HTTPMessage) -> "list[Morsel[str]]":
    """Return the cookies that a response sets."""
    lines = headers.get_all("Set-Cookie") or []
    return [cookie for line in lines for cookie in SimpleCookie(line).values()]
