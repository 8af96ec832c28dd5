"""Plants values and searches for them everywhere (guarantees 1-6 and 18).

    def test_it_works(trap, visitor, world):
        alice = visitor("alice")                 # every answer to her is searched
        alice.post(…, trap.canary.shapes("my new way in")["plain"])
        assert trap.leaks() == []                # and so are logs, mail, tables and files

A capability that brings a new way in for a value adds it to `ways.py`; one that brings a URL has
it crawled by `crawl.py` as it is. The only answer that may hold a value is the permitted reveal.
"""

import io
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

from secrets_app.models import Secret
from tests.leaks.canary import Canary

REVEALED = re.compile(rb'(<output class="value\b[^>]*>).*?</output>', re.DOTALL)


class Trap:
    """Collects what leaves the console or stays behind, and says where the canary is in it."""

    def __init__(self, log: io.StringIO) -> None:
        self.canary = Canary()
        self.log = log
        self.reveals = 0
        self.views: set[tuple[str, int]] = set()  # which views answered, and with what status
        self._finds: list[str] = []

    @contextmanager
    def at_ease(self) -> Iterator[None]:
        """Leave the two loggers that fill the log at INFO, while no value is on its way."""
        loggers = [logging.getLogger(name) for name in ("django.db.backends", "django.template")]
        for logger in loggers:
            logger.setLevel(logging.INFO)
        yield
        for logger in loggers:
            logger.setLevel(logging.DEBUG)

    def search(self, where: str, what: bytes | str) -> None:
        """Note each find in `what`."""
        text = what.encode(errors="surrogatepass") if isinstance(what, str) else what
        self._finds += [f"{where}: {find}" for find in self.canary.found_in(text)]

    def search_answer(self, where: str, answer: Any, *, may_reveal: bool = False) -> None:
        """Search an answer's status line, headers, cookies and body."""
        match = getattr(answer, "resolver_match", None)
        if not answer.headers.get("Location", "").startswith("/accounts/login/"):
            self.views.add((match.view_name if match else "", answer.status_code))
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if may_reveal and REVEALED.search(body):
            self._judge_reveal(where, answer)
            body = REVEALED.sub(rb"\1", body, count=1)  # once, in the element that is for it
        head = f"{answer.status_code} {answer.reason_phrase}\n{answer.cookies.output()}\n"
        self.search(where, head.encode() + answer.serialize_headers() + b"\n\n" + body)

    def _judge_reveal(self, where: str, answer: Any) -> None:
        self.reveals += 1
        if answer["Cache-Control"] != "no-store":
            self._finds.append(f"{where}: a cache may keep it: {answer['Cache-Control']}")

    def leaks(self) -> list[str]:
        """Search what stays behind too, and return every find."""
        for line in self.log.getvalue().splitlines():
            self.search("log", line)
        for message in mail.outbox:
            self.search("mail", message.message().as_bytes())
        for table, row in rows():
            self.search(f"table {table}", row)
        for path in files():
            with suppress(FileNotFoundError):  # another worker's database closes its journal
                self.search(f"file {path.name}", path.read_bytes())
        return sorted(set(self._finds))


class Visitor(Client):
    """A browser of somebody's, all of whose answers are searched."""

    def __init__(self, trap: Trap, name: str, **options: Any) -> None:
        super().__init__(raise_request_exception=False, **options)
        self.trap = trap
        self.name = name

    def signed_in(self) -> bool:
        """Say whether it holds a session."""
        return SESSION_KEY in self.session  # a cookie alone says nothing: signing out gives one too

    def request(self, **request: Any) -> Any:
        """Send a request, search its answer."""
        answer = super().request(**request)
        method, path = request["REQUEST_METHOD"], request["PATH_INFO"]
        where = f"{method} {path} for {self.name or 'nobody'}"
        self.trap.search_answer(where, answer, may_reveal=self._may_see(method, answer))
        return answer

    def _may_see(self, method: str, answer: Any) -> bool:
        """Say whether this answer is a permitted reveal (guarantee 6)."""
        match = getattr(answer, "resolver_match", None)
        asked = (method, match.view_name if match else "", answer.status_code)
        if asked != ("POST", "secret_reveal", 200):
            return False
        secret = Secret.objects.select_related("branch").filter(pk=match.kwargs["pk"]).first()
        guarded = secret is None or secret.branch is None or secret.branch.protected
        return self.name in ({"alice", "mia"} if guarded else {"alice", "mia", "bob"})


@contextmanager
def table_away(table: str) -> Iterator[None]:
    """Take a table out of the database for a while: whatever needs it fails, with a DatabaseError
    that nobody expects."""
    editor = 'ALTER TABLE "{}" RENAME TO "{}"'.format
    with connection.cursor() as cursor:
        cursor.execute(editor(table, "elsewhere"))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(editor("elsewhere", table))


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
    """Yield every file of the deployment: the database with its journal, and what lies beside."""
    if connection.vendor == "sqlite":
        folder = Path(connection.settings_dict["NAME"]).parent
        yield from (path for path in folder.rglob("*") if path.is_file())
