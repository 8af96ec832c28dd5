"""Plant values and search for them everywhere (guarantees 1-6 and 18).

    def test_it_works(detector, client_for):
        alice = client_for("alice")        # searches every response
        alice.post(…, detector.canary.shapes("name of the input")["plain"])
        assert detector.leaks() == []      # searches logs, mail, tables and files

A feature that takes values in a new way adds it to `inputs.py`. A new URL is crawled without any
change. Only a permitted reveal may contain a value.
"""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.db import connection
from django.test import Client

from console.auth.session_backend import SessionStore
from console.models import Session
from secrets_app.models import Secret
from tests.leaks.canary import Canary

REVEALED = re.compile(rb'(<output class="value\b[^>]*>).*?</output>', re.DOTALL)


class LeakDetector:
    """Collects responses, logs, mail and stored data, and reports where the canary is in them."""

    def __init__(self, log: io.StringIO) -> None:
        self.canary = Canary()
        self.log = log
        self.reveals = 0
        self.views: set[tuple[str, int]] = set()  # name and status of each response
        self._finds: list[str] = []

    @contextmanager
    def quiet_logs(self) -> Iterator[None]:
        """Set the two busiest loggers to INFO while no value is entered, to save time."""
        loggers = [logging.getLogger(name) for name in ("django.db.backends", "django.template")]
        for logger in loggers:
            logger.setLevel(logging.INFO)
        connection.force_debug_cursor = False  # it formats each statement for the log
        yield
        connection.force_debug_cursor = True
        for logger in loggers:
            logger.setLevel(logging.DEBUG)

    def search(self, where: str, what: bytes | str) -> None:
        """Record each find in `what`."""
        text = what.encode(errors="surrogatepass") if isinstance(what, str) else what
        self._finds += [f"{where}: {find}" for find in self.canary.found_in(text)]

    def search_response(self, where: str, response: Any, *, may_reveal: bool = False) -> None:
        """Search a response's status line, headers, cookies and body."""
        match = getattr(response, "resolver_match", None)
        if not response.headers.get("Location", "").startswith("/accounts/login/"):
            self.views.add((match.view_name if match else "", response.status_code))
        body = b"".join(response.streaming_content) if response.streaming else response.content
        if may_reveal and REVEALED.search(body):
            self._check_reveal(where, response)
            body = REVEALED.sub(rb"\1", body, count=1)  # once, in its own element
        head = f"{response.status_code} {response.reason_phrase}\n{response.cookies.output()}\n"
        self.search(where, head.encode() + response.serialize_headers() + b"\n\n" + body)

    def _check_reveal(self, where: str, response: Any) -> None:
        self.reveals += 1
        if response["Cache-Control"] != "no-store":
            self._finds.append(f"{where}: caches may keep it: {response['Cache-Control']}")

    def leaks(self) -> list[str]:
        """Search stored data too, and return every find."""
        for line in self.log.getvalue().splitlines():
            self.search("log", line)
        for message in mail.outbox:
            self.search("mail", message.message().as_bytes())
        for table, row in rows():
            self.search(f"table {table}", row)
        for session in Session.objects.all():  # encrypted, so a copy of the table shows nothing
            data = SessionStore(session.session_key).decode(session.session_data)
            self.search("session", json.dumps(data))
        for path in files():
            with suppress(FileNotFoundError):  # a journal of another test process disappeared
                self.search(f"file {path.name}", path.read_bytes())
        return sorted(set(self._finds))


class SearchedClient(Client):
    """A test client that searches every response."""

    def __init__(self, detector: LeakDetector, name: str, **options: Any) -> None:
        super().__init__(raise_request_exception=False, **options)
        self.detector = detector
        self.name = name

    def is_signed_in(self) -> bool:
        """Return True if the session has a user."""
        return SESSION_KEY in self.session  # signing out sets a cookie too

    def request(self, **request: Any) -> Any:
        """Send a request and search its response."""
        response = super().request(**request)
        method, path = request["REQUEST_METHOD"], request["PATH_INFO"]
        where = f"{method} {path} for {self.name or 'nobody'}"
        self.detector.search_response(where, response, may_reveal=self._may_see(method, response))
        return response

    def _may_see(self, method: str, response: Any) -> bool:
        """Return True if the response is a permitted reveal (guarantee 6)."""
        match = getattr(response, "resolver_match", None)
        request = (method, match.view_name if match else "", response.status_code)
        if request == ("POST", "hosting_reveal", 200):
            return self.name in {"alice", "mia", "bob", "olga"}  # on dev; olga owns the app then
        if request != ("POST", "secret_reveal", 200):
            return False
        secret = Secret.objects.select_related("branch").filter(pk=match.kwargs["pk"]).first()
        is_guarded = secret is None or secret.branch is None or secret.branch.protected
        return self.name in ({"alice", "mia"} if is_guarded else {"alice", "mia", "bob"})


def rows() -> Iterator[tuple[str, bytes]]:
    """Yield every row of every table, as the database holds it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor, include_views=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - its own name
            for row in cursor.fetchall():
                yield table, b"\0".join(map(_raw, row))


def _raw(cell: Any) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()


def files() -> Iterator[Path]:
    """Yield every file of the deployment: those beside an SQLite database, and itself."""
    if connection.vendor == "sqlite":
        folder = Path(connection.settings_dict["NAME"]).parent
        yield from (path for path in folder.rglob("*") if path.is_file())
