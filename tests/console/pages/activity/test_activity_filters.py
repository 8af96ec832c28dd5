"""The filters of the activity pages of an app and of the whole deployment."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.audit.paging import COUNT_LIMIT
from console.models import AuditEvent
from tests.fixtures.people import World

APP, ALL = "/apps/d1shop/activity/", "/activity/"
BOB = Actor("web", "bob@example.org", 7, address="203.0.113.7")
MIA = Actor("command", "mia@example.org", 8)


def record(
    actor: Actor, action: Action, key: str, branch: str = "main", app: str = "d1shop"
) -> AuditEvent:
    """Return an audit event that succeeded."""
    event = attempt(actor, action, Target(app, branch, key))
    conclude(event.pk, Outcome.SUCCEEDED)
    return event


@pytest.fixture
def events(world: World) -> None:
    """Record some audit events."""
    record(BOB, Action.SECRET_REVEALED, "ONE")
    record(BOB, Action.SECRET_CHANGED, "TWO", "dev")
    record(MIA, Action.SECRET_REVEALED, "ONE_MORE")
    record(MIA, Action.VARIABLE_CREATED, "three", "All branches")
    record(MIA, Action.SECRET_REVEALED, "ELSEWHERE", app="d2other")
    record(MIA, Action.PASSWORD_CHANGED, "mia@example.org", "", "")


def listed(client: Client, url: str, **query: str) -> list[str]:
    """Return the subjects of the events on the page."""
    page = client.get(url, query).context["page"]
    return [entry.subject for entry in page.object_list]


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ({"person": "bob@example.org"}, ["TWO", "ONE"]),
        ({"person": "BOB@Example.org"}, ["TWO", "ONE"]),
        ({"person": "bob"}, []),
        ({"action": "secret.reveal"}, ["ONE_MORE", "ONE"]),
        ({"action": "secret."}, ["ONE_MORE", "TWO", "ONE"]),
        ({"action": "secret.", "person": "bob@example.org"}, ["TWO", "ONE"]),
        ({"key": "ONE"}, ["ONE"]),
        ({"key": "one"}, []),
        ({"branch": "dev"}, ["TWO"]),
        ({"branch": "All branches"}, ["three"]),
        ({"q": "one"}, ["ONE_MORE", "ONE"]),
        ({"outcome": "succeeded", "key": "TWO"}, ["TWO"]),
        ({"outcome": "open"}, []),
        ({"app": "d2other"}, ["three", "ONE_MORE", "TWO", "ONE"]),  # not a filter of this page
    ],
)
def test_it_works(alice: Client, query: dict[str, str], subjects: list[str]) -> None:
    assert listed(alice, APP, **query) == subjects


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ({"app": "d2other"}, ["ELSEWHERE"]),
        ({"action": "secret.reveal"}, ["ELSEWHERE", "ONE_MORE", "ONE"]),
        ({"app": "d1shop", "action": "secret.reveal"}, ["ONE_MORE", "ONE"]),
        ({"action": "session.password"}, ["mia@example.org"]),
    ],
)
def test_whole_deployment(
    client_for: Callable[[str], Client], query: dict[str, str], subjects: list[str]
) -> None:
    assert listed(client_for("olga"), ALL, **query) == subjects


def test_deployment_page_is_for_operators(client_for: Callable[[str], Client]) -> None:
    assert "All activity" in client_for("olga").get("/").text
    assert client_for("alice").get(ALL).status_code == 403
    assert "All activity" not in client_for("alice").get("/").text


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("", "", True),
        ("2026-05-04T12:30", "", True),
        ("2026-05-04T12:31", "", False),
        ("", "2026-05-04T12:30", True),
        ("", "2026-05-04T12:29", False),
        ("2026-05-04T12:00", "2026-05-04T13:00", True),
        ("2026-05-04T13:00", "2026-05-04T12:00", False),
    ],
)
def test_times(
    alice: Client, monkeypatch: pytest.MonkeyPatch, since: str, until: str, found: bool
) -> None:
    at = datetime(2026, 5, 4, 12, 30, 59, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: at)
    record(BOB, Action.SECRET_REVEALED, "AT_NOON")
    monkeypatch.undo()
    assert ("AT_NOON" in listed(alice, APP, since=since, until=until)) is found


@pytest.mark.parametrize(
    ("zone", "since", "found"),
    [
        ("", "2026-05-04T12:30", True),
        ("UTC", "2026-05-04T12:31", False),
        ("Europe/Berlin", "2026-05-04T14:30", True),
        ("Europe/Berlin", "2026-05-04T14:31", False),
        ("America/New_York", "2026-05-04T08:30", True),
        ("America/New_York", "2026-05-04T08:31", False),
    ],
)
def test_times_of_a_zone(
    alice: Client, monkeypatch: pytest.MonkeyPatch, zone: str, since: str, found: bool
) -> None:
    at = datetime(2026, 5, 4, 12, 30, 59, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: at)
    record(BOB, Action.SECRET_REVEALED, "AT_NOON")
    monkeypatch.undo()
    assert ("AT_NOON" in listed(alice, APP, since=since, zone=zone)) is found
    alice.post(f"{APP}export/?since={since}&zone={zone}", {"format": "csv"}).getvalue()
    subject = AuditEvent.objects.get(action=Action.AUDIT_EXPORTED).subject
    assert subject == f"CSV: since 2026-05-04 12:3{0 if found else 1}"  # in UTC


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"zone": "Europe/Atlantis"},
        {"zone": "Europe"},
        {"zone": "../../etc/passwd"},
        {"zone": "\0"},
        {"zone": "x" * 5000},
        {"until": "2026-02-30T12:00"},
        {"until": "9999-12-31T23:59"},
        {"since": "9999-12-31T23:59", "zone": "America/New_York"},
        {"since": "0001-01-01T00:00", "zone": "Asia/Tokyo"},
        {"action": "nonsense"},
        {"outcome": "nonsense"},
        {"q": "\0"},
        {"key": "x" * 1012},
        {"person": "\0"},
    ],
)
def test_invalid_filter_lists_nothing(alice: Client, query: dict[str, str]) -> None:
    response = alice.get(APP, query)
    assert response.status_code == 200
    assert "Some filters are not valid" in response.text
    assert "ONE_MORE" not in response.text.partition('id="entries"')[2]
    assert alice.post(f"{APP}export/?{response.request['QUERY_STRING']}").status_code == 400


def test_every_action_is_offered(alice: Client) -> None:
    page = alice.get(APP).text
    for action in Action:
        assert f'<option value="{action.value}">' in page
    assert '<option value="secret.">Secrets: any action</option>' in page


def test_form_keeps_the_filters(alice: Client) -> None:
    query = {"person": "a&b", "key": '"><b>', "since": "2026-05-04T12:30", "outcome": "denied"}
    page = alice.get(APP, query).text
    assert 'value="a&amp;b"' in page
    assert 'value="&quot;&gt;&lt;b&gt;"' in page
    assert 'value="2026-05-04T12:30"' in page
    assert '<option value="denied" selected>' in page
    assert '<details class="more-filters" open>' in page


@pytest.mark.usefixtures("events")
def test_names_link_to_their_events(alice: Client) -> None:
    page = alice.get(APP, {"action": "secret."}).text.replace("&amp;", "&")
    assert 'href="?action=secret.&person=bob%40example.org"' in page
    assert 'href="?action=secret.&key=ONE"' in page


@pytest.mark.usefixtures("events")
def test_suggestions(alice: Client, client_for: Callable[[str], Client]) -> None:
    page = alice.get(APP).text
    assert '<datalist id="people"><option value="bob@example.org">' in page
    assert '<option value="All branches"></option><option value="dev"></option>' in page


def test_versions(alice: Client) -> None:
    event = attempt(BOB, Action.SECRET_CHANGED, Target("d1shop", "main", "K"), version_before=3)
    conclude(event.pk, Outcome.SUCCEEDED, version_after=4)
    assert "version 3 to 4" in alice.get(APP).text


def test_count_is_limited(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.audit.paging.COUNT_LIMIT", 60)
    for number in range(70):
        record(BOB, Action.SECRET_REVEALED, f"K{number}")
    first, last = alice.get(APP), alice.get(APP, {"page": "2"})
    assert "50 of more than 60" in " ".join(first.text.split())
    assert "There are older entries." not in first.text
    assert "60 of more than 60" in " ".join(last.text.split())
    assert "There are older entries." in last.text
    assert COUNT_LIMIT == 10_000


def test_htmx_request_has_the_same_filters(alice: Client) -> None:
    record(BOB, Action.SECRET_REVEALED, "ONE")
    response: Any = alice.get(APP, {"key": "ONE"}, headers={"HX-Request": "true"})
    assert 'action="/apps/d1shop/activity/export/?key=ONE"' in response.text
