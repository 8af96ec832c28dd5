"""What many tests of the console use: browsers, a secret, and requests of every kind."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.test import Client

from secrets_app.models import Secret
from tests.factories import set_secret
from tests.fixtures.people import World

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return the browser of the app's owner."""
    return client_for("alice")


@pytest.fixture
def olga(client_for: Callable[[str], Client]) -> Client:
    """Return the browser of the operator, who is a member of no app."""
    return client_for("olga")


@pytest.fixture
def secret(world: World) -> Secret:
    """Return the secret API_KEY on the unprotected branch dev."""
    return set_secret(world, "API_KEY", "the value of a secret", world.dev)


@pytest.fixture
def request_as(client_for: Callable[[str], Client]) -> Callable[..., Any]:
    """Return a function that sends a request as a person ("" for nobody) and undoes its effect.

    It takes name, method, URL and form data, and gives the response.
    """
    client = Client()  # one for all: each new one loads the middleware
    cookies: dict[str, SimpleCookie] = {"": SimpleCookie()}

    def request_as(name: str, method: str, url: str, data: Any = None) -> Any:
        if name not in cookies:
            cookies[name] = client_for(name).cookies
        client.cookies = SimpleCookie(cookies[name])
        with rolled_back():
            return client.generic(method, url, urlencode(data or {}, doseq=True), FORM)

    return request_as


@pytest.fixture
def broken_store(secret: Secret) -> None:
    """Break the embedded store unexpectedly: one of its tables is missing."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE secrets_app_embeddedversion RENAME TO elsewhere")


@pytest.fixture
def no_logging() -> Iterator[None]:
    """Log nothing, which makes thousands of requests a third faster."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll back what the block did, but let services commit inside it, as in a test."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's TestCase does
    with block:
        yield
        transaction.set_rollback(True)
