"""Operators' actions on users in the admin: disable, end sessions, reset second factors."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.test import Client

from console.auth import users
from console.models import AuditEvent, AuditOutcome, User
from tests.factories import messages_of
from tests.fixtures.people import World

PEOPLE = "/admin/console/user/"
Acting = Callable[..., Any]


@pytest.fixture
def act(client_for: Callable[[str], Client], world: World) -> Acting:
    """Return a function that runs an action on people as olga, confirmed or not."""
    olga = client_for("olga")

    def act(action: str, *names: str, confirmed: bool = True) -> Any:
        chosen = [world.person(name).pk for name in names]
        post: dict[str, Any] = {"action": action, "_selected_action": chosen}
        post |= {"confirmed": "yes"} if confirmed else {}
        return olga.post(PEOPLE, post, follow=True)

    return act


def entries(action: str) -> list[tuple[str, str]]:
    """Return (subject, outcome) of the audit events of an action."""
    ends = AuditOutcome.objects.filter(event__action=action).order_by("id")
    return [(end.event.subject, end.outcome) for end in ends.select_related("event")]


def two_factors(user: User) -> None:
    """Give a user an authenticator app and recovery codes."""
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    Authenticator.objects.create(user=user, type="recovery_codes", data={"hashes": []})


def test_it_works(act: Acting, client_for: Callable[[str], Client], world: World) -> None:
    bob = client_for("bob")
    assert bob.get("/").status_code == 200
    messages = messages_of(act("disable", "bob", "vera"))
    assert "bob@example.org is disabled." in messages
    assert any("Secrets to rotate" in line for line in messages)
    assert not User.objects.filter(
        email__in=["bob@example.org", "vera@example.org"], is_active=True
    )
    assert bob.get("/")["Location"].startswith("/accounts/login/")
    assert entries("user.change") == [
        ("bob@example.org: is_active: yes to no", "succeeded"),
        ("vera@example.org: is_active: yes to no", "succeeded"),
    ]
    assert entries("session.end") == [("1 of bob@example.org", "succeeded")]


@pytest.mark.parametrize("action", ["disable", "end_sessions", "reset_factors"])
def test_unconfirmed_action_changes_nothing(
    act: Acting, client_for: Callable[[str], Client], world: World, action: str
) -> None:
    bob = client_for("bob")
    two_factors(world.person("bob"))
    before = AuditEvent.objects.count()
    page = act(action, "bob", "vera", confirmed=False)
    assert "bob@example.org" in page.text
    assert [person.email for person in page.context["people"]] == [
        *("bob@example.org", "vera@example.org")
    ]
    assert bob.get("/").status_code == 200
    assert Authenticator.objects.count() == 2
    assert AuditEvent.objects.count() == before


def test_end_sessions(act: Acting, client_for: Callable[[str], Client]) -> None:
    bob = client_for("bob")
    assert messages_of(act("end_sessions", "bob")) == ["bob@example.org: 1 session ended."]
    assert bob.get("/").status_code == 302
    assert User.objects.get(email="bob@example.org").is_active


def test_end_own_sessions(act: Acting) -> None:
    response = act("end_sessions", "olga")
    assert response.status_code == 200
    assert response.redirect_chain[-1][0].startswith("/accounts/login/")


def test_own_session_is_ended_last(act: Acting, client_for: Callable[[str], Client]) -> None:
    """Otherwise the actor of the remaining acts would be signed out."""
    client_for("oscar")
    client_for("vera")
    User.objects.create_superuser("zoe@example.org")
    act("disable", "bob", "olga", "oscar", "vera")
    actors = AuditEvent.objects.filter(action__in=["user.change", "session.end"])
    assert set(actors.values_list("actor", flat=True)) == {"olga@example.org"}
    assert User.objects.filter(is_active=True, email__in=["olga@example.org"]).count() == 0


def test_reset_second_factors(act: Acting, world: World) -> None:
    """It only makes links: tests/console/auth/test_account_links.py."""
    two_factors(world.person("bob"))
    page = act("reset_factors", "bob")
    assert messages_of(page) == ["bob@example.org: a link was made."]
    assert "/accounts/link/" in page.text
    assert Authenticator.objects.count() == 2


def test_last_operator_is_kept(act: Acting) -> None:
    messages = messages_of(act("disable", "olga", "bob"))
    assert (
        "olga@example.org: This is the last operator. Make someone else an operator first."
        in messages
    )
    assert "bob@example.org is disabled." in messages
    assert User.objects.get(email="olga@example.org").is_active
    assert [outcome for _, outcome in entries("user.change")] == ["succeeded", "failed"]


def test_disabling_the_last_owner_warns(act: Acting) -> None:
    assert any(
        "These apps have no owner now" in line for line in messages_of(act("disable", "alice"))
    )


@pytest.mark.parametrize("name", ["alice", ""])
def test_others_are_denied(client_for: Callable[[str], Client], world: World, name: str) -> None:
    post = {"action": "disable", "_selected_action": [world.person("bob").pk], "confirmed": "yes"}
    assert client_for(name).post(PEOPLE, post).status_code == 302
    assert User.objects.get(email="bob@example.org").is_active


def test_service_needs_an_operator(world: World) -> None:
    with pytest.raises(PermissionDenied):
        users.disable(actor=world.actor("alice"), user=world.person("bob"))
    assert world.person("bob").is_active
    assert [*AuditOutcome.objects.values_list("outcome", flat=True)] == ["denied"]


def test_operator_pages_are_linked(client_for: Callable[[str], Client]) -> None:
    text = client_for("olga").get("/admin/").text
    for page in ("/operation/doctor/", "/operation/store/", "/activity/"):
        assert f'href="{page}"' in text
