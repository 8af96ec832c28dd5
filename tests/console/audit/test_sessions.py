"""Who signed in, who tried to, who signed out, who changed the password."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.models import AuditEvent
from tests.console.audit.conftest import Trail, outcomes
from tests.fixtures.people import PASSWORD, World

NOBODY = "Someone not signed in"


@pytest.fixture
def sign_in(world: World, trail: Trail) -> Callable[..., Any]:
    """Return a function that posts the sign-in form."""
    for name in ("bob", "ivan", "olga"):
        world.person(name)
    trail.forget()

    def post(email: str, password: str = PASSWORD, **headers: str) -> Any:
        client = Client(headers=headers, REMOTE_ADDR="203.0.113.7")
        client.post("/accounts/login/", {"login": email, "password": password})
        return client

    return post


def test_it_works(sign_in: Any, world: World, trail: Trail) -> None:
    client = sign_in("bob@example.org", **{"User-Agent": "Lynx/2.9"})
    assert trail.brief == [("bob@example.org", "session.sign_in", "", ["succeeded"])]
    event = trail.one
    assert (event.actor_id, event.actor_kind) == (world.person("bob").pk, "web")
    assert (event.address, event.agent, event.app_id) == ("203.0.113.7", "Lynx/2.9", "")
    trail.forget()
    assert client.post("/accounts/logout/").status_code == 302
    assert trail.brief == [("bob@example.org", "session.sign_out", "", ["succeeded"])]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("bob@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("ivan@example.org", PASSWORD),
        ("ivan@example.org", "wrong"),
    ],
)
def test_a_failed_sign_in(sign_in: Any, trail: Trail, email: str, password: str) -> None:
    sign_in(email, password)
    assert trail.brief == [(NOBODY, "session.sign_in", email, ["denied"])]
    assert (trail.one.actor_id, trail.one.address) == (None, "203.0.113.7")
    assert password not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize("email", ["", "not an address", "x" * 400 + "@example.org", "a\0@b.org"])
def test_what_is_no_address_is_no_try(sign_in: Any, trail: Trail, email: str) -> None:
    sign_in(email)
    assert [event for event in trail.events if event.action != "session.sign_in"] == []
    assert all(len(event.subject) <= 254 for event in trail.events)


def test_signing_out_of_the_admin(sign_in: Any, trail: Trail) -> None:
    client = sign_in("olga@example.org")
    trail.forget()
    client.post("/admin/logout/")
    assert trail.brief == [("olga@example.org", "session.sign_out", "", ["succeeded"])]


def test_signing_out_twice(sign_in: Any, trail: Trail) -> None:
    client = sign_in("bob@example.org")
    trail.forget()
    client.post("/accounts/logout/")
    client.post("/accounts/logout/")
    assert len(trail.events) == 1


def test_changing_the_password(sign_in: Any, trail: Trail) -> None:
    client = sign_in("bob@example.org")
    trail.forget()
    new = "another long one"
    post = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", post).status_code == 302
    assert trail.brief == [
        ("bob@example.org", "session.password", "bob@example.org", ["succeeded"])
    ]
    assert new not in str(list(AuditEvent.objects.values()))


def test_the_session_id_changes_with_the_sign_in(world: World) -> None:
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


def test_signing_out_ends_the_session_on_the_server(sign_in: Any) -> None:
    client = sign_in("bob@example.org")
    stolen = Client()
    stolen.cookies = client.cookies.copy()
    assert stolen.get("/").status_code == 200
    stolen.cookies = client.cookies.copy()
    kept = client.cookies.copy()
    client.post("/accounts/logout/")
    stolen.cookies = kept
    assert stolen.get("/").status_code == 302


def test_nobody_signs_out(db: None) -> None:
    client = Client()
    assert client.post("/accounts/logout/").status_code == 302
    assert not AuditEvent.objects.exists()


def test_a_session_that_was_forced_is_told_too(as_: Any, trail: Trail) -> None:
    as_("bob")  # whatever signs a person in, the trail has it
    assert outcomes(trail.one) == ["succeeded"]
