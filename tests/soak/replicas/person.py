"""Somebody at a browser, in front of several consoles: cookies, tokens, pages and posts.

Each request goes to any of the consoles, as a load balancer sends it; one that nobody has taken is
sent to the next, one whose answer was lost is not.
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

PATIENCE = 30  # seconds
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
chance = SystemRandom()


class NoAnswer(Exception):
    """The connection broke: whether anything was done is not known."""


@dataclass(frozen=True)
class Answer:
    """What a console answered."""

    status: int
    text: str


class Person:
    """A browser with an address of its own, signed in or not."""

    def __init__(self, email: str, ports: list[int], address: str = "127.0.0.1") -> None:
        self.email = email
        self.ports = ports
        self.address = address
        self.cookies: dict[str, str] = {}
        self.token = ""

    def sign_in(self, *, port: int = 0, password: str = PASSWORD) -> int:
        """Sign in as people do, and return the status: 302 for a success."""
        page = self.get("/accounts/login/", port=port)
        self.token = _TOKEN.findall(page.text)[0]
        fields = {"login": self.email, "password": password}
        status = self.post("/accounts/login/", fields, port=port, fragment=False).status
        if status == 302:
            self.token = _TOKEN.findall(self.get("/accounts/sessions/", port=port).text)[0]
        return status

    def get(self, address: str, *, port: int = 0) -> Answer:
        """Return a page."""
        return self._ask("GET", address, "", {}, port)

    def post(
        self, address: str, fields: dict[str, str], *, port: int = 0, fragment: bool = True
    ) -> Answer:
        """Send a form; a `fragment` is what our scripts and htmx ask for."""
        body = urlencode({"csrfmiddlewaretoken": self.token, **fields})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if fragment:
            headers |= {"HX-Request": "true", "X-CSRFToken": self.token}
        return self._ask("POST", address, body, headers, port)

    def _ask(
        self, method: str, address: str, body: str, headers: dict[str, str], port: int
    ) -> Answer:
        for one in [port] if port else chance.sample(self.ports, len(self.ports)):
            source = (self.address, 0)
            with closing(
                HTTPConnection("127.0.0.1", one, PATIENCE, source_address=source)
            ) as connection:
                try:
                    connection.connect()
                except ConnectionError:  # it was killed, and nothing has been sent
                    continue
                return self._exchange(connection, method, address, body, headers)
        raise ConnectionRefusedError("No console answers.")

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        address: str,
        body: str,
        headers: dict[str, str],
    ) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, address, body, headers | {"Cookie": cookies})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException) as error:
            raise NoAnswer from error
        for header in response.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: it.value for name, it in SimpleCookie(header).items()}
        return Answer(response.status, text)


@dataclass(frozen=True)
class Shown:
    """A row of the edit mode: which secret it is, and what the page says that it is based on."""

    pk: str
    branch: str
    key: str
    base: str

    @property
    def version(self) -> int:
        """The version that it was rendered with."""
        return int(self.base.partition(":")[0])


@dataclass(frozen=True)
class Told:
    """What the answer to a Save says of a row. `base` is what it is sent again with."""

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
_OUTCOME = re.compile(
    r'<li data-token="([^"]+)" data-outcome="(\w+)" data-version="(\d+)"\s+data-base="([^"]*)"'
    r"[^>]*>(.*?)</li>",
    re.DOTALL,
)


def rows_of(page: str) -> list[Shown]:
    """Return the rows of an edit mode."""
    return [
        Shown(pk, unescape(branch), unescape(key), base)
        for pk, key, branch, base in _ROW.findall(page)
    ]


def change_set_of(page: str) -> str:
    """Return the signed id that holds the posts of one Save together."""
    return unescape(_CHANGE_SET.findall(page)[0])


def outcomes_of(answer: str) -> dict[str, Told]:
    """Return what was told, by the form's name of the row."""
    return {
        token: Told(outcome, int(version), base, unescape(message).strip())
        for token, outcome, version, base, message in _OUTCOME.findall(answer)
    }
