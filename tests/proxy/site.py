"""The console behind nginx, and what the tests do with it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from tests.fixtures.nginx import Nginx
from tests.proxy.browser import Browser
from tests.soak.replicas.server import Server

SIGN_IN = "/accounts/login/"
EMAIL, PASSWORD = "olga@example.com", "correct horse battery staple"
TOKEN = "only-for-tests-" * 3


@dataclass(frozen=True)
class Site:
    """A console behind nginx, set up by its first operator."""

    console: Server
    nginx: Nginx


def open_browser(site: Site, address: str = "127.0.0.1", *, bypass_nginx: bool = False) -> Browser:
    """Return an anonymous browser at this address."""
    return Browser(site.nginx, address, site.console.port if bypass_nginx else 0)


def signed_in_browser(site: Site) -> Browser:
    """Return the operator's browser, signed in."""
    browser = open_browser(site)
    assert browser.post(SIGN_IN, {"login": EMAIL, "password": PASSWORD}).status == 302
    return browser


def run_sql(site: Site, sql: str) -> list[tuple[str, ...]]:
    """Run a statement on the console's database and return its rows."""
    with closing(sqlite3.connect(site.console.folder / "var/console.sqlite3")) as database:
        rows = database.execute(sql).fetchall()
        database.commit()
        return rows


def last_sign_in_address(site: Site) -> str:
    """Return the client address of the newest sign-in event in the audit log."""
    [[address]] = run_sql(
        site,
        "SELECT address FROM console_auditevent WHERE action = 'session.sign_in' "
        "ORDER BY id DESC LIMIT 1",
    )
    return address
