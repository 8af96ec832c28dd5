"""Reveal is a permitted POST, recorded first, and cached by nobody (guarantee 6).

The browser's part - the back-forward cache, hiding by itself - is in tests/browser.
"""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import reverse

from console.audit.events import Action, Outcome
from console.models import AuditEvent, AuditOutcome
from secrets_app.models import Secret
from tests.fixtures.people import World
from tests.leaks.crawl import FRAGMENT
from tests.leaks.deeds import address
from tests.leaks.harness import Trap, Visitor, table_away

pytestmark = pytest.mark.both_databases


@pytest.fixture
def secrets(trap: Trap, visitor: Callable[[str], Visitor], world: World) -> dict[str, Secret]:
    """Return a secret of each scope; each holds the canary."""
    branches = {"All branches": None, "main": world.main, "dev": world.dev}
    for number, branch in enumerate(branches.values()):
        fields = {
            "new-1-key": "KEY",
            "new-1-value": trap.canary.shapes(f"scope {number}")["lines"],
            "new-1-branch": branch.pk if branch else "",
        }
        url = reverse("secrets_manage", args=[world.app.app_id])
        assert visitor("alice").post(url, fields).status_code == 302
    return {name: Secret.objects.get(branch=branch) for name, branch in branches.items()}


class _Output(HTMLParser):
    """Reads what a browser would show in the element for the value."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside, self.text = False, ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.inside = tag == "output"

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        self.text += data if self.inside else ""


@pytest.mark.parametrize("headers", [{}, FRAGMENT], ids=["page", "fragment"])
def test_it_works(
    trap: Trap,
    visitor: Callable[[str], Visitor],
    secrets: dict[str, Secret],
    headers: dict[str, str],
) -> None:
    secret = secrets["main"]
    answer = visitor("alice").post(address(secret, "secret_reveal"), headers=headers)
    assert _Output(answer.content.decode()).text == trap.canary.shapes("scope 1")["lines"]
    assert answer["Cache-Control"] == "no-store"
    event = AuditEvent.objects.get(action=Action.SECRET_REVEALED)
    assert (event.actor, event.branch, event.subject) == ("alice@example.org", "main", "KEY")
    assert [outcome.outcome for outcome in event.outcomes.all()] == [Outcome.SUCCEEDED]
    assert (trap.reveals, trap.leaks()) == (1, [])


@pytest.mark.parametrize(
    ("person", "guarded", "unguarded"),
    [
        ("alice", 200, 200),
        ("mia", 200, 200),
        ("bob", 403, 200),
        ("vera", 403, 403),
        ("charlie", 404, 404),
        ("oscar", 404, 404),
        ("olga", 404, 404),
        ("ivan", 302, 302),
        ("", 302, 302),
    ],
)
def test_only_to_whom_it_may_be_shown(
    trap: Trap,
    visitor: Callable[[str], Visitor],
    secrets: dict[str, Secret],
    person: str,
    guarded: int,
    unguarded: int,
) -> None:
    expected = {"All branches": guarded, "main": guarded, "dev": unguarded}
    for headers in ({}, FRAGMENT):
        for scope, secret in secrets.items():
            answer = visitor(person).post(address(secret, "secret_reveal"), headers=headers)
            assert answer.status_code == expected[scope]
    assert trap.leaks() == []
    shown, denied = (2 * [*expected.values()].count(status) for status in (200, 403))
    assert trap.reveals == shown
    told = AuditOutcome.objects.filter(event__action=Action.SECRET_REVEALED)
    assert told.filter(outcome=Outcome.SUCCEEDED).count() == shown
    assert told.filter(outcome=Outcome.DENIED).count() == denied


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_no_other_method_shows_it(
    trap: Trap, visitor: Callable[[str], Visitor], secrets: dict[str, Secret], method: str
) -> None:
    for headers in ({}, FRAGMENT):
        answer = visitor("alice").generic(
            method, address(secrets["main"], "secret_reveal"), headers=headers
        )
        assert answer.status_code == 405
    assert (trap.reveals, trap.leaks()) == (0, [])
    assert not AuditEvent.objects.filter(action=Action.SECRET_REVEALED).exists()


def test_another_apps_address_shows_nothing(
    trap: Trap, visitor: Callable[[str], Visitor], world: World, secrets: dict[str, Secret]
) -> None:
    url = reverse("secret_reveal", args=[world.other_app.app_id, secrets["dev"].pk])
    assert [visitor(it).post(url).status_code for it in ("alice", "oscar")] == [404, 404]
    assert (trap.reveals, trap.leaks()) == (0, [])


def test_a_forged_post_shows_nothing(
    trap: Trap, world: World, visitor: Callable[[str], Visitor], secrets: dict[str, Secret]
) -> None:
    browser = Visitor(trap, "alice", enforce_csrf_checks=True)
    browser.force_login(world.person("alice"))
    assert browser.post(address(secrets["main"], "secret_reveal")).status_code == 403
    assert (trap.reveals, trap.leaks()) == (0, [])


@pytest.mark.parametrize("table", ["console_auditevent", "console_auditoutcome"])
def test_an_audit_trail_that_can_not_be_written_shows_nothing(
    trap: Trap, visitor: Callable[[str], Visitor], secrets: dict[str, Secret], table: str
) -> None:
    before = _reads(trap)
    with table_away(table):
        answer = visitor("alice").post(address(secrets["main"], "secret_reveal"))
    assert answer.status_code == 500
    if table == "console_auditevent":  # the attempt comes before the store is asked
        assert _reads(trap) == before
    assert (trap.reveals, trap.leaks()) == (0, [])


def _reads(trap: Trap) -> int:
    return len(re.findall(r'"operation": "read"', trap.log.getvalue()))
