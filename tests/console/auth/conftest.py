"""Browsers, and a clock that the tests move."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from console.lib.oidc_config import openid_provider
from console.models import AuditEvent, Session
from tests.console.auth.forger import SECRET, Forger, Handler, Server
from tests.fixtures.people import PASSWORD, World

SIGN_IN = "/accounts/login/"
SESSIONS = "/accounts/sessions/"


def post(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    """Return the answer to a sign-in."""
    return client.post(SIGN_IN, {"login": email, "password": password}, **more)


@pytest.fixture
def bobs(world: World) -> Callable[..., Client]:
    """Return a function that gives a browser in which bob signed in."""
    world.person("bob")

    def sign_in(agent: str = "Lynx", address: str = "203.0.113.7") -> Client:
        client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
        assert post(client, "bob@example.org").status_code == 302
        return client

    return sign_in


def later(**time: float) -> None:
    """Let so much time pass for every session."""
    ago = timedelta(**time)
    Session.objects.update(last_seen_at=F("last_seen_at") - ago, created_at=F("created_at") - ago)


def last_seen() -> datetime:
    """Return when the only session was last seen."""
    moment: datetime = Session.objects.get().last_seen_at
    return moment


def recorded(action: str) -> list[tuple[str, str, list[str]]]:
    """Return the audit entries of an action: who, about what, how it ended."""
    return [
        (event.actor, event.subject, [outcome.outcome for outcome in event.outcomes.all()])
        for event in AuditEvent.objects.filter(action=action).order_by("pk")
    ]


@pytest.fixture
def forger(settings: Any, clock: object) -> Iterator[Forger]:
    """Let the console use a provider that says whatever the test wants."""
    forger = Forger()
    with Server(("127.0.0.1", 0), Handler) as server:
        server.serve(forger)
        settings.OIDC_ISSUER, settings.OIDC_NAME = forger.url, "Example"
        settings.SOCIALACCOUNT_PROVIDERS = openid_provider(
            issuer=forger.url,
            name="Example",
            client_id="console",
            secret=SECRET,
            scope="openid profile email",
        )
        yield forger
        server.shutdown()
