"""Audit events of signing in, failing to, signing out and changing the password."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.models import AuditEvent
from tests.factories import audit_events, last_event_id, only_event, outcomes_of, summarize
from tests.fixtures.people import PASSWORD, World

NOBODY = "Someone not signed in"


@pytest.fixture
def sign_in(world: World) -> Callable[..., Any]:
    """Return a function that posts the sign-in form."""
    for name in ("bob", "ivan", "olga"):
        world.person(name)

    def post(email: str, password: str = PASSWORD, **headers: str) -> Any:
        client = Client(headers=headers, REMOTE_ADDR="203.0.113.7")
        client.post("/accounts/login/", {"login": email, "password": password})
        return client

    return post


def test_it_works(sign_in: Any, world: World) -> None:
    start = last_event_id()
    client = sign_in("bob@example.org", **{"User-Agent": "Lynx/2.9"})
    assert summarize(audit_events(start)) == [
        ("bob@example.org", "session.sign_in", "", ["succeeded"])
    ]
    event = only_event(start)
    assert (event.actor_id, event.actor_kind) == (world.person("bob").pk, "web")
    assert (event.address, event.agent, event.app_id) == ("203.0.113.7", "Lynx/2.9", "")
    start = last_event_id()
    assert client.post("/accounts/logout/").status_code == 302
    assert summarize(audit_events(start)) == [
        ("bob@example.org", "session.sign_out", "", ["succeeded"])
    ]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("bob@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("ivan@example.org", PASSWORD),
        ("ivan@example.org", "wrong"),
    ],
)
def test_failed_sign_in(sign_in: Any, email: str, password: str) -> None:
    start = last_event_id()
    sign_in(email, password)
    assert summarize(audit_events(start)) == [(NOBODY, "session.sign_in", email, ["denied"])]
    assert (only_event(start).actor_id, only_event(start).address) == (None, "203.0.113.7")
    assert password not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize("email", ["", "not an address", "x" * 400 + "@example.org", "a\0@b.org"])
def test_invalid_email_is_no_attempt(sign_in: Any, email: str) -> None:
    start = last_event_id()
    sign_in(email)
    assert [event for event in audit_events(start) if event.action != "session.sign_in"] == []
    assert all(len(event.subject) <= 254 for event in audit_events(start))


def test_sign_out_of_the_admin(sign_in: Any) -> None:
    client = sign_in("olga@example.org")
    start = last_event_id()
    client.post("/admin/logout/")
    assert summarize(audit_events(start)) == [
        ("olga@example.org", "session.sign_out", "", ["succeeded"])
    ]


def test_sign_out_twice(sign_in: Any) -> None:
    client = sign_in("bob@example.org")
    start = last_event_id()
    client.post("/accounts/logout/")
    client.post("/accounts/logout/")
    assert len(audit_events(start)) == 1


def test_password_change(sign_in: Any) -> None:
    client = sign_in("bob@example.org")
    start = last_event_id()
    new = "another long one"
    post = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", post).status_code == 302
    assert summarize(audit_events(start)) == [
        ("bob@example.org", "session.password", "bob@example.org", ["succeeded"])
    ]
    assert new not in str(list(AuditEvent.objects.values()))


def test_session_id_changes_at_sign_in(world: World) -> None:
    world.person("bob")
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["visited"] = True
    session.save()
    before = session.session_key
    client.post("/accounts/login/", {"login": "bob@example.org", "password": PASSWORD})
    assert client.session.session_key != before
    assert not Client().session.exists(before)


def test_sign_out_ends_the_session_on_the_server(sign_in: Any) -> None:
    client = sign_in("bob@example.org")
    stolen = Client()
    stolen.cookies = client.cookies.copy()
    assert stolen.get("/").status_code == 200
    stolen.cookies = client.cookies.copy()
    kept = client.cookies.copy()
    client.post("/accounts/logout/")
    stolen.cookies = kept
    assert stolen.get("/").status_code == 302


def test_sign_out_without_a_session(db: None) -> None:
    client = Client()
    assert client.post("/accounts/logout/").status_code == 302
    assert not AuditEvent.objects.exists()


def test_sign_in_without_the_form(client_for: Any) -> None:
    start = last_event_id()
    client_for("bob")  # Django signals it, whatever the way of signing in
    assert outcomes_of(only_event(start)) == ["succeeded"]
