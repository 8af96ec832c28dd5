"""Signed-in browsers, older sessions, and a fake OpenID provider."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from console.lib.oidc_config import openid_provider
from console.models import AuditEvent, Session
from tests.console.auth.single_sign_on.fake_provider import SECRET, FakeProvider, Handler, Server
from tests.fixtures.people import PASSWORD, World

SIGN_IN = "/accounts/login/"
SESSIONS = "/accounts/sessions/"


def post(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    """Post the sign-in form and return the response."""
    return client.post(SIGN_IN, {"login": email, "password": password}, **more)


@pytest.fixture
def sign_in_bob(world: World) -> Callable[..., Client]:
    """Return a function that signs bob in and returns the browser."""
    world.person("bob")

    def sign_in(agent: str = "Lynx", address: str = "203.0.113.7") -> Client:
        client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
        assert post(client, "bob@example.org").status_code == 302
        return client

    return sign_in


def age_sessions(**time: float) -> None:
    """Make every session this much older."""
    ago = timedelta(**time)
    Session.objects.update(last_seen_at=F("last_seen_at") - ago, created_at=F("created_at") - ago)


def last_seen() -> datetime:
    """Return when the only session was last used."""
    moment: datetime = Session.objects.get().last_seen_at
    return moment


def recorded(action: str) -> list[tuple[str, str, list[str]]]:
    """Return (actor, subject, outcomes) of the audit events of an action."""
    return [
        (event.actor, event.subject, [outcome.outcome for outcome in event.outcomes.all()])
        for event in AuditEvent.objects.filter(action=action).order_by("pk")
    ]


@pytest.fixture
def provider(settings: Any, clock: object) -> Iterator[FakeProvider]:
    """Make the console use a fake OpenID provider, whose responses the test sets."""
    provider = FakeProvider()
    with Server(("127.0.0.1", 0), Handler) as server:
        server.serve(provider)
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.url, "Example"
        settings.SOCIALACCOUNT_PROVIDERS = openid_provider(
            issuer=provider.url,
            name="Example",
            client_id="console",
            secret=SECRET,
            scope="openid profile email",
        )
        yield provider
        server.shutdown()
