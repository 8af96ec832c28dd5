"""Reveal is a permitted POST, audited first and never cached (guarantee 6).

tests/browser covers the back-forward cache and hiding the value again.
"""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import reverse

from console.audit.events import Action, Outcome
from console.models import AuditEvent, AuditOutcome
from secrets_app.models import Secret
from tests.factories import without_table
from tests.fixtures.people import World
from tests.leaks.actions import ClientFor, secret_url
from tests.leaks.crawl import FRAGMENT
from tests.leaks.detector import LeakDetector, SearchedClient


@pytest.fixture
def secrets(detector: LeakDetector, client_for: ClientFor, world: World) -> dict[str, Secret]:
    """Return a secret of each scope, whose value is the canary."""
    branches = {"All branches": None, "main": world.main, "dev": world.dev}
    for number, branch in enumerate(branches.values()):
        fields = {
            "new-1-key": "KEY",
            "new-1-value": detector.canary.shapes(f"scope {number}")["lines"],
            "new-1-branch": branch.pk if branch else "",
            "line_breaks": "on",
        }
        url = reverse("secrets_manage", args=[world.app.app_id])
        assert client_for("alice").post(url, fields).status_code == 302
    return {name: Secret.objects.get(branch=branch) for name, branch in branches.items()}


class OutputParser(HTMLParser):
    """Reads the text that a browser would show in the value's element."""

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
    detector: LeakDetector,
    client_for: ClientFor,
    secrets: dict[str, Secret],
    headers: dict[str, str],
) -> None:
    secret = secrets["main"]
    response = client_for("alice").post(secret_url(secret, "secret_reveal"), headers=headers)
    assert (
        OutputParser(response.content.decode()).text == detector.canary.shapes("scope 1")["lines"]
    )
    assert response["Cache-Control"] == "no-store"
    event = AuditEvent.objects.get(action=Action.SECRET_REVEALED)
    assert (event.actor, event.branch, event.subject) == ("alice@example.org", "main", "KEY")
    assert [outcome.outcome for outcome in event.outcomes.all()] == [Outcome.SUCCEEDED]
    assert (detector.reveals, detector.leaks()) == (1, [])


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
def test_only_with_permission(
    detector: LeakDetector,
    client_for: ClientFor,
    secrets: dict[str, Secret],
    person: str,
    guarded: int,
    unguarded: int,
) -> None:
    expected = {"All branches": guarded, "main": guarded, "dev": unguarded}
    for headers in ({}, FRAGMENT):
        for scope, secret in secrets.items():
            response = client_for(person).post(secret_url(secret, "secret_reveal"), headers=headers)
            assert response.status_code == expected[scope]
    assert detector.leaks() == []
    shown, denied = (2 * [*expected.values()].count(status) for status in (200, 403))
    assert detector.reveals == shown
    audited = AuditOutcome.objects.filter(event__action=Action.SECRET_REVEALED)
    assert audited.filter(outcome=Outcome.SUCCEEDED).count() == shown
    assert audited.filter(outcome=Outcome.DENIED).count() == denied


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods(
    detector: LeakDetector, client_for: ClientFor, secrets: dict[str, Secret], method: str
) -> None:
    for headers in ({}, FRAGMENT):
        response = client_for("alice").generic(
            method, secret_url(secrets["main"], "secret_reveal"), headers=headers
        )
        assert response.status_code == 405
    assert (detector.reveals, detector.leaks()) == (0, [])
    assert not AuditEvent.objects.filter(action=Action.SECRET_REVEALED).exists()


def test_the_url_of_another_app(
    detector: LeakDetector, client_for: ClientFor, world: World, secrets: dict[str, Secret]
) -> None:
    url = reverse("secret_reveal", args=[world.other_app.app_id, secrets["dev"].pk])
    assert [client_for(it).post(url).status_code for it in ("alice", "oscar")] == [404, 404]
    assert (detector.reveals, detector.leaks()) == (0, [])


def test_without_a_csrf_token(
    detector: LeakDetector, world: World, client_for: ClientFor, secrets: dict[str, Secret]
) -> None:
    client = SearchedClient(detector, "alice", enforce_csrf_checks=True)
    client.force_login(world.person("alice"))
    assert client.post(secret_url(secrets["main"], "secret_reveal")).status_code == 403
    assert (detector.reveals, detector.leaks()) == (0, [])


@pytest.mark.parametrize("table", ["console_auditevent", "console_auditoutcome"])
def test_an_audit_trail_that_can_not_be_written(
    detector: LeakDetector, client_for: ClientFor, secrets: dict[str, Secret], table: str
) -> None:
    before = count_reads(detector)
    with without_table(table):
        response = client_for("alice").post(secret_url(secrets["main"], "secret_reveal"))
    assert response.status_code == 500
    if table == "console_auditevent":  # the attempt comes before the store call
        assert count_reads(detector) == before
    assert (detector.reveals, detector.leaks()) == (0, [])


def count_reads(detector: LeakDetector) -> int:
    return len(re.findall(r'"operation": "read"', detector.log.getvalue()))
