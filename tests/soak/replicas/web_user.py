"""A user's browser in front of several consoles: cookies, CSRF tokens, pages and forms.

Each request goes to a random console, as behind a load balancer. A request that a dead console
didn't accept goes to the next one; a request without a response is not repeated.
"""

import re
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from random import SystemRandom
from urllib.parse import urlencode

from tests.fixtures.people import PASSWORD

TIMEOUT = 30  # seconds
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
rng = SystemRandom()


class NoResponse(Exception):
    """The connection broke, so the request may or may not have had an effect."""


@dataclass(frozen=True)
class Response:
    """A console's response."""

    status: int
    text: str


class WebUser:
    """A browser with an IP address of its own, signed in or not."""

    def __init__(self, email: str, ports: list[int], address: str = "127.0.0.1") -> None:
        self.email = email
        self.ports = ports
        self.address = address
        self.cookies: dict[str, str] = {}
        self.token = ""

    def sign_in(self, *, port: int = 0, password: str = PASSWORD) -> int:
        """Sign in with the form, and return the status: 302 on success."""
        page = self.get("/accounts/login/", port=port)
        self.token = _TOKEN.findall(page.text)[0]
        fields = {"login": self.email, "password": password}
        status = self.post("/accounts/login/", fields, port=port, fragment=False).status
        if status == 302:
            self.token = _TOKEN.findall(self.get("/accounts/sessions/", port=port).text)[0]
        return status

    def get(self, path: str, *, port: int = 0) -> Response:
        """Request a page, from the console at `port` if given."""
        return self._request("GET", path, "", {}, port)

    def post(
        self, path: str, fields: dict[str, str], *, port: int = 0, fragment: bool = True
    ) -> Response:
        """Submit a form; with `fragment`, as our scripts and htmx do."""
        body = urlencode({"csrfmiddlewaretoken": self.token, **fields})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if fragment:
            headers |= {"HX-Request": "true", "X-CSRFToken": self.token}
        return self._request("POST", path, body, headers, port)

    def _request(
        self, method: str, path: str, body: str, headers: dict[str, str], port: int
    ) -> Response:
        for one in [port] if port else rng.sample(self.ports, len(self.ports)):
            source = (self.address, 0)
            with closing(
                HTTPConnection("127.0.0.1", one, TIMEOUT, source_address=source)
            ) as connection:
                try:
                    connection.connect()
                except ConnectionError:  # this console is dead, and nothing was sent
                    continue
                return self._exchange(connection, method, path, body, headers)
        raise ConnectionRefusedError("No console accepts connections.")

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: str,
        headers: dict[str, str],
    ) -> Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, headers | {"Cookie": cookies})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException) as error:
            raise NoResponse from error
        for header in response.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: it.value for name, it in SimpleCookie(header).items()}
        return Response(response.status, text)


@dataclass(frozen=True)
class EditRow:
    """A row of the edit mode, with the base that the page posts for it."""

    pk: str
    branch: str
    key: str
    base: str

    @property
    def version(self) -> int:
        """The version that the page shows."""
        return int(self.base.partition(":")[0])


@dataclass(frozen=True)
class RowResult:
    """The response to one row of a Save. `base` is what a retry sends."""

    outcome: str
    version: int
    base: str
    message: str


_ROW = re.compile(
    r'<div class="edit-row" id="s-(\d+)"[^>]* aria-label="([^"]*), ([^"]*)".*?'
    r'name="base-\1" value="([^"]+)"',
    re.DOTALL,
)
_CHANGE_SET = re.compile(r'name="change_set" value="([^"]+)"')
_RESULT = re.compile(
    r'<li data-token="([^"]+)" data-outcome="(\w+)" data-version="(\d+)"\s+data-base="([^"]*)"'
    r"[^>]*>(.*?)</li>",
    re.DOTALL,
)


def edit_rows(page: str) -> list[EditRow]:
    """Return the rows of the edit mode."""
    return [
        EditRow(pk, unescape(branch), unescape(key), base)
        for pk, key, branch, base in _ROW.findall(page)
    ]


def change_set_of(page: str) -> str:
    """Return the signed change set id, which ties the requests of one Save together."""
    return unescape(_CHANGE_SET.findall(page)[0])


def row_results(fragment: str) -> dict[str, RowResult]:
    """Return the results of a Save, by the row's name in the form."""
    return {
        token: RowResult(outcome, int(version), base, unescape(message).strip())
        for token, outcome, version, base, message in _RESULT.findall(fragment)
    }
