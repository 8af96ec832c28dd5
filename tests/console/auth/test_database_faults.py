"""If the database can't save, every way to sign in says so with a 503, never with a 429 or 400."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as deployment
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client

from console.auth.mfa import recovery_codes
from console.models import AccountLink
from tests.console.access.routes import TOKEN, account_link
from tests.console.auth.conftest import SIGN_IN, age_sessions, post
from tests.console.auth.test_second_factor import CODE, code_of, set_up
from tests.fixtures.people import PASSWORD, World

Browser = Callable[..., Client]
pytestmark = pytest.mark.django_db(transaction=True)
sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="an error of SQLite")
LINK = f"/accounts/link/{TOKEN}/"
WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN")


def sqlite_error(code: int, message: str) -> sqlite3.OperationalError:
    """Return an error as SQLite reports it."""
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


FAULTS = {
    "full": (sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full"), "The disk is full"),
    "read-only": (
        sqlite_error(sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
        "The database is read-only",
    ),
    "moved": (
        sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED, "attempt to write a readonly database"),
        "The database is read-only",
    ),
    "locked": (sqlite_error(sqlite3.SQLITE_BUSY, "database is locked"), "The database is locked"),
    "broken": (sqlite_error(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"), "The disk has errors"),
    "PostgreSQL full": (psycopg.errors.DiskFull("No space left on device"), "The disk is full"),
    "PostgreSQL read-only": (
        psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE"),
        "The database is read-only",
    ),
    "PostgreSQL locked": (psycopg.errors.LockNotAvailable("lock"), "The database is locked"),
    "PostgreSQL gone": (psycopg.OperationalError("closed"), "The database did not answer"),
}


@contextmanager
def unable_to_write(error: Exception) -> Iterator[None]:
    """Let every write fail as the database's driver would."""

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith(WRITES):
            with connection.wrap_database_errors:
                raise error
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail):
        yield


def answer(client: Client, *arguments: Any, **more: Any) -> Any:
    """Post as a browser, which gets error pages instead of exceptions."""
    client.raise_request_exception = False
    return client.post(*arguments, **more)


@pytest.mark.parametrize("kind", FAULTS)
def test_it_works(client: Client, world: World, kind: str) -> None:
    error, heading = FAULTS[kind]
    world.person("bob")
    client.raise_request_exception = False
    if kind.startswith("PostgreSQL") != (connection.vendor == "postgresql"):
        pytest.skip("an error of the other database")
    with unable_to_write(error):
        response = post(client, "bob@example.org")
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert heading in response.text
    assert post(client, "bob@example.org").status_code == 302  # the attempt didn't count


def sign_in(client: Client, world: World) -> Any:
    return answer(client, SIGN_IN, {"login": "bob@example.org", "password": PASSWORD})


def wrong_password(client: Client, world: World) -> Any:
    return answer(client, SIGN_IN, {"login": "bob@example.org", "password": "wrong"})


def change_password(client: Client, world: World) -> Any:
    form = {"oldpassword": PASSWORD, "password1": "another one 1", "password2": "another one 1"}
    return answer(client, "/accounts/password/change/", form)


def confirm_identity(client: Client, world: World) -> Any:
    return answer(client, "/accounts/reauthenticate/", {"password": PASSWORD})


def use_link(client: Client, world: World) -> Any:
    new = {"password1": "another one 1", "password2": "another one 1"}
    return answer(client, LINK, new)


def sign_out(client: Client, world: World) -> Any:
    return answer(client, "/accounts/logout/")


def passkey(client: Client, world: World) -> Any:
    return answer(client, "/accounts/passkey/", {"credential": "{}"})


SIGNED_IN = {change_password, confirm_identity, sign_out}


@pytest.mark.parametrize(
    "act",
    [sign_in, wrong_password, change_password, confirm_identity, use_link, sign_out, passkey],
)
def test_every_way(act: Any, client: Client, sign_in_bob: Browser, world: World) -> None:
    account_link(world)
    browser = sign_in_bob() if act in SIGNED_IN else client
    with unable_to_write(error_of_this_database()):
        response = act(browser, world)
    assert response.status_code == 503
    assert "The disk is full" in response.text
    assert AccountLink.objects.exists()


def error_of_this_database() -> Exception:
    """Return the error for a full disk."""
    return FAULTS["full" if connection.vendor == "sqlite" else "PostgreSQL full"][0]


@pytest.mark.parametrize("url", [CODE, "/accounts/reauthenticate/code/"])
@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_second_factor(
    sign_in_bob: Browser, client: Client, clock: Any, url: str, kind: str
) -> None:
    """The code is right: it must not count as used, as if an entry existed for it."""
    browser = sign_in_bob()
    secret = set_up(browser)
    clock.shift(60)
    if url == CODE:
        post(client, "bob@example.org")
        browser = client
    user = Authenticator.objects.first().user
    code = code_of(secret) if kind == "app" else recovery_codes.generate(user)[0]
    with unable_to_write(error_of_this_database()):
        response = answer(browser, url, {"code": code})
    assert response.status_code == 503
    assert "The disk is full" in response.text
    assert answer(browser, url, {"code": code}).status_code == 302


def test_pages_can_be_read(sign_in_bob: Browser) -> None:
    """Noting when a session was last seen is not worth an error."""
    browser = sign_in_bob()
    browser.get("/")  # shows the sign-in message, which is removed from the session
    age_sessions(minutes=2)
    with unable_to_write(error_of_this_database()):
        assert browser.get("/").status_code == 200


def test_session_that_cannot_be_saved(sign_in_bob: Browser) -> None:
    """Django would say that the session ended in the meantime."""
    browser = sign_in_bob()
    browser.raise_request_exception = False

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith('UPDATE "console_session" SET "session_data"'):
            with connection.wrap_database_errors:
                raise error_of_this_database()
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail):
        response = browser.get("/accounts/second-factor/app/add/")
    assert response.status_code == 503
    assert "The disk is full" in response.text


def fill_the_cache() -> None:
    """Write until nothing more fits."""
    for number in range(100_000):
        cache.set(f"entry-{number}", "x" * 100)


@sqlite_only
def test_a_disk_that_is_really_full(world: World) -> None:
    world.person("bob")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 4}")
        try:
            with pytest.raises(OperationalError, match="full"):
                fill_the_cache()
            for _ in range(100):  # the last pages of the tables still have some room
                browser = Client(raise_request_exception=False)  # not signed in yet
                response = post(browser, "bob@example.org")
                if response.status_code != 302:
                    break
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert response.status_code == 503
    assert "The disk is full" in response.text


@sqlite_only
def test_a_database_that_is_really_locked(client: Client, world: World, settings: Any) -> None:
    world.person("bob")
    client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        response = post(client, "bob@example.org")
        other.execute("ROLLBACK")
    finally:
        other.close()
        connection.close()
    assert response.status_code == 503
    assert "The database is locked" in response.text
    assert post(client, "bob@example.org").status_code == 302


@sqlite_only
def test_a_locked_database_is_answered_within_ten_seconds() -> None:
    """A write waits once in the queue of its process and once for SQLite's lock."""
    assert 2 * deployment.DATABASES["default"]["OPTIONS"]["timeout"] < 10
