"""A secret to reach for, and everybody's way of asking for a URL."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from console.models import Branch
from secrets_app.models import Secret
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save
from tests.fixtures.people import World

FORM = "application/x-www-form-urlencoded"
VALUE = "the value of a secret"


@pytest.fixture
def make_secret(world: World) -> Callable[..., Secret]:
    """Return a function that saves a secret of the app on a branch; None is All branches."""

    def make(branch: Branch | None, key: str = "API_KEY") -> Secret:
        branch_id = branch.pk if branch else None
        change = SetSecret("1", key=key, branch_id=branch_id, value=SecretValue(VALUE))
        app_id = (branch.app if branch else world.app).app_id
        owner = world.actor("alice" if app_id == world.app.app_id else "oscar")
        [outcome] = save(actor=owner, app_id=app_id, commands=[change], change_set=uuid4())
        return Secret.objects.get(pk=outcome.pk)

    return make


@pytest.fixture
def secret(world: World, make_secret: Callable[..., Secret]) -> Secret:
    """Return a secret on the branch dev, which is not protected."""
    return make_secret(world.dev)


class Asking:
    """Everybody asks; what an answer changed is undone before the next."""

    def __init__(self, as_: Callable[[str], Client]) -> None:
        self._as = as_
        self._client = Client()  # one for all: making one loads the middleware
        self._sessions: dict[str, SimpleCookie] = {"": SimpleCookie()}

    def __call__(self, who: str, method: str, url: str, data: Any = None) -> Any:
        """Return the answer to somebody's request; "" is nobody."""
        self._client.cookies = SimpleCookie(self._cookies_of(who))
        with undone():
            return self._client.generic(method, url, urlencode(data or {}, doseq=True), FORM)

    def _cookies_of(self, who: str) -> SimpleCookie:
        if who not in self._sessions:
            self._sessions[who] = self._as(who).cookies
        return self._sessions[who]


@pytest.fixture
def ask(as_: Callable[[str], Client]) -> Asking:
    """Return a function (who, method, url, data) that gives an answer and undoes what it did."""
    return Asking(as_)


@pytest.fixture
def broken_store(secret: Secret) -> None:
    """Let the store fail as no store should: one of its tables is gone."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE secrets_app_embeddedversion RENAME TO elsewhere")


@pytest.fixture
def quiet() -> Iterator[None]:
    """Log nothing: thousands of requests would cost a third more."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def undone() -> Iterator[None]:
    """Roll back what the block did. Like a test's own transaction, it lets services commit."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's TestCase does
    with block:
        yield
        transaction.set_rollback(True)
