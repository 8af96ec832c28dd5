"""One console behind one nginx for all tests of a process: a real one, with its first operator."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.fixtures import nginx
from tests.fixtures.nginx import HOST, Nginx
from tests.proxy.browser import Person
from tests.soak.replicas.server import Server, copy_to, running

SIGN_IN = "/accounts/login/"
EMAIL, PASSWORD = "olga@example.com", "correct horse battery staple"
TOKEN = "only-for-tests-" * 3
SETTINGS = {
    "ALLOWED_HOSTS": HOST,
    "TRUSTED_PROXIES": "127.0.0.1",
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    "METRICS_TOKEN": TOKEN,
}


@dataclass(frozen=True)
class Site:
    """A console behind nginx, set up by its first operator."""

    console: Server
    nginx: Nginx

    def person(self, address: str = "127.0.0.1", *, past: bool = False) -> Person:
        """Return somebody at a browser, at an address; `past` goes to the console's own port."""
        return Person(self.nginx, address, self.console.port if past else 0)

    def signed_in(self) -> Person:
        """Return the operator, signed in."""
        person = self.person()
        assert person.post(SIGN_IN, {"login": EMAIL, "password": PASSWORD}).status == 302
        return person

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """Ask, or tell, the console's database."""
        with closing(sqlite3.connect(self.console.folder / "var/console.sqlite3")) as database:
            rows = database.execute(sql).fetchall()
            database.commit()
            return rows

    def asked_from(self) -> str:
        """Return the address of the last try to sign in that the audit trail has."""
        [[last]] = self.query(
            "SELECT address FROM console_auditevent WHERE action = 'session.sign_in' "
            "ORDER BY id DESC LIMIT 1"
        )
        return last


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a console behind nginx for all tests of a process."""
    console = Server(copy_to(tmp_path_factory.mktemp("proxy")), SETTINGS)
    with running(console), nginx.running(console.port) as proxy:
        site = Site(console, proxy)
        set_up(site.person(), console)
        yield site


def set_up(person: Person, console: Server) -> None:
    """Open the link that the console printed, and become its first operator."""
    [link] = re.findall(rf"https://{re.escape(HOST)}(/setup/\S+)", console.log.read_text())
    fields = {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD, "sample_app": "on"}
    assert person.post(link, fields).status == 302
