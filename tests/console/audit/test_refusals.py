"""Refused requests are recorded (guarantee 9): ten a minute one by one, then as one."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from console.audit import refusals
from console.audit.events import Action, Target
from console.models import App, AuditEvent, RefusedRequests
from secrets_app.models import Secret
from tests.factories import (
    audit_events,
    last_event_id,
    only_event,
    outcomes_of,
    set_secret,
)
from tests.fixtures.people import PASSWORD, World

CANARY = "a value that was posted"
APP = "/apps/d1shop"


@pytest.fixture
def secret(world: World) -> Secret:
    """Return a secret on main."""
    return set_secret(world, "API_KEY", "the value", world.main)


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["charlie", "oscar", "olga"])
@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("hosting/secrets/{}/reveal/", "POST hosting/secrets/{}/reveal/"),
        ("hosting/secrets/manage/", "POST hosting/secrets/manage/"),
    ],
)
def test_it_works(
    client_for: Callable[[str], Client], secret: Secret, name: str, path: str, subject: str
) -> None:
    client = client_for(name)
    start = last_event_id()
    fields = {"new-1-key": "KEY", "new-1-value": CANARY, "new-1-branch": secret.branch_id}
    assert client.post(f"{APP}/{path.format(secret.pk)}", fields).status_code == 404
    event = only_event(start)
    assert (event.actor, event.action) == (f"{name}@example.org", "request.refuse")
    assert (event.app_id, event.subject) == ("d1shop", subject.format(secret.pk))
    assert outcomes_of(event) == ["denied"]
    assert CANARY not in str(event.__dict__) + str(event.outcomes.values())


def test_owners_see_it_and_the_outsider_does_not(
    client_for: Callable[[str], Client], secret: Secret
) -> None:
    charlie = client_for("charlie")
    charlie.post(f"{APP}/hosting/secrets/{secret.pk}/reveal/")
    shown = client_for("alice").get(f"{APP}/activity/").text
    assert "charlie@example.org" in shown
    assert f"POST hosting/secrets/{secret.pk}/reveal/" in shown
    assert charlie.get(f"{APP}/activity/").status_code == 404


def test_id_of_another_app(client_for: Callable[[str], Client], world: World) -> None:
    """The trail of the own app says what was asked for, and no more than for an id of nothing."""
    mine = set_secret(world, "API_KEY", "the value", world.dev)
    oscar = client_for("oscar")
    start = last_event_id()
    missing = mine.pk + 1000
    for pk in (mine.pk, missing):
        assert oscar.post(f"/apps/d2other/hosting/secrets/{pk}/reveal/").status_code == 404
    first, second = audit_events(start)
    assert (first.app_id, first.branch) == (second.app_id, second.branch) == ("d2other", "")
    assert first.subject.replace(str(mine.pk), "") == second.subject.replace(
        str(mine.pk + 1000), ""
    )
    assert "API_KEY" not in first.subject


def test_app_that_does_not_exist(client_for: Callable[[str], Client]) -> None:
    client = client_for("charlie")
    start = last_event_id()
    client.post("/apps/d9nothing/hosting/secrets/manage/")
    event = only_event(start)
    assert (event.app_id, event.subject) == ("", "POST apps/<str:app_id>/hosting/secrets/manage/")


@pytest.mark.parametrize(
    ("method", "url", "detail"),
    [
        ("POST", "/nowhere/", "Not Found"),
        ("POST", "/apps/new/", None),  # recorded as the act, by the page
        ("PUT", f"{APP}/", "Method Not Allowed"),
        ("POST", f"{APP}/activity/export/", "Bad Request"),
        ("DELETE", f"{APP}/hosting/secrets/", "Method Not Allowed"),
    ],
)
def test_every_refused_unsafe_request(
    client_for: Callable[[str], Client], method: str, url: str, detail: str | None
) -> None:
    client = client_for("alice")
    start = last_event_id()
    assert 400 <= client.generic(method, url).status_code < 500
    event = only_event(start)
    last = event.outcomes.get()
    assert last.outcome == "denied"
    if detail is None:
        assert event.action == "app.create"
    else:
        assert (event.action, last.detail) == ("request.refuse", detail)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_requests_are_not_recorded(
    client_for: Callable[[str], Client], secret: Secret, method: str
) -> None:
    client = client_for("charlie")
    start = last_event_id()
    client.generic(method, f"{APP}/hosting/secrets/{secret.pk}/")
    assert audit_events(start) == []


def test_without_a_session(client: Client, secret: Secret) -> None:
    start = last_event_id()
    assert client.post(f"{APP}/hosting/secrets/{secret.pk}/reveal/").status_code == 302
    event = only_event(start)
    assert (event.actor, event.app_id) == ("Someone not signed in", "d1shop")
    assert event.outcomes.get().detail == "not signed in"


def test_without_a_csrf_token(client_for: Callable[[str], Client], secret: Secret) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client_for("mia").cookies
    start = last_event_id()
    assert strict.post(f"{APP}/hosting/secrets/{secret.pk}/reveal/").status_code == 403
    assert only_event(start).outcomes.get().detail == "Forbidden"


def test_denied_members_have_one_event(client_for: Callable[[str], Client], secret: Secret) -> None:
    client = client_for("bob")
    start = last_event_id()
    assert client.post(f"{APP}/hosting/secrets/{secret.pk}/reveal/").status_code == 403
    assert only_event(start).action == "secret.reveal"


def test_rejected_input_is_no_refusal(client_for: Callable[[str], Client]) -> None:
    client = client_for("alice")
    start = last_event_id()
    assert client.post(f"{APP}/settings/members/invite/", {"email": "x"}).status_code == 422
    assert audit_events(start) == []


CURRENT = {
    "password change": (
        "/accounts/password/change/",
        {"oldpassword": "wrong", "password1": CANARY, "password2": CANARY},
    ),
    "re-authentication": ("/accounts/reauthenticate/", {"password": "wrong"}),
    "with an act": (f"{APP}/settings/members/invite/", {"confirm-password": "wrong"}),
}


@pytest.mark.parametrize("where", CURRENT)
def test_wrong_current_password(client_for: Callable[[str], Client], where: str) -> None:
    client = client_for("alice")
    start = last_event_id()
    url, fields = CURRENT[where]
    client.post(url, fields)
    event = only_event(start)
    assert (event.actor, event.action) == ("alice@example.org", "session.confirm")
    assert outcomes_of(event) == ["denied"]
    assert "wrong" not in str(event.__dict__)


def test_password_change_still_works(client_for: Callable[[str], Client], world: World) -> None:
    client = client_for("alice")
    new = {"password1": "another good one", "password2": "another good one"}
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    assert world.person("alice").check_password("another good one")


def refuse(client: Client, times: int, app_id: str = "d1shop") -> None:
    for _ in range(times):
        client.post(f"/apps/{app_id}/hosting/secrets/1/reveal/")


def test_beyond_ten_a_minute(client_for: Callable[[str], Client], clock: Any) -> None:
    charlie = client_for("charlie")
    start = last_event_id()
    refuse(charlie, 25)
    events = audit_events(start)
    assert len(events) == 11
    assert (events[-1].app_id, events[-1].subject) == ("d1shop", refusals.MORE)
    assert outcomes_of(events[-1]) == []
    clock.shift(61)
    refusals.conclude_counted()  # as the server does every minute
    [ending] = events[-1].outcomes.all()
    assert ending.outcome == "denied"
    assert ending.detail.startswith("15 more in the minute from")
    assert len(audit_events(start)) == 11
    assert not RefusedRequests.objects.exists()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "act",
    ["hosting/secrets/{}/reveal/", "hosting/secrets/{}/mirror/", "hosting/build-settings/edit/"],
)
def test_denied_acts_are_counted_too(
    client_for: Callable[[str], Client], secret: Secret, act: str
) -> None:
    client = client_for("bob")
    start = last_event_id()
    for _ in range(12):
        assert client.post(f"{APP}/{act.format(secret.pk)}").status_code == 403
    events = audit_events(start)
    assert len(events) == refusals.LIMIT + 1
    assert events[-1].subject == refusals.MORE


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", ["secrets", "environment-variables"])
def test_denied_rows_are_counted_too(
    client_for: Callable[[str], Client], world: World, kind: str
) -> None:
    fields: dict[str, Any] = {}
    for number in range(1, 16):
        row = f"new-{number}"
        fields |= {f"{row}-key": f"K{number}", f"{row}-value": "x", f"{row}-branch": world.main.pk}
    client = client_for("bob")
    start = last_event_id()
    client.post(f"{APP}/hosting/{kind}/manage/", fields)
    events = audit_events(start)
    assert [event.subject for event in events] == [
        *(f"K{number}" for number in range(1, 11)),
        refusals.MORE,
    ]
    assert RefusedRequests.objects.get().number == 15


@pytest.mark.parametrize("kind", ["secrets", "environment-variables"])
def test_new_row_on_another_apps_branch(
    client_for: Callable[[str], Client], world: World, kind: str
) -> None:
    """It is recorded in that app. The answer is the same as for an id of nothing."""
    answers = []
    client = client_for("oscar")
    start = last_event_id()
    for pk in (world.main.pk, world.main.pk + 1000):
        row = {"new-1-key": "KEY", "new-1-value": CANARY, "new-1-branch": pk}
        answers.append(client.post(f"/apps/d2other/hosting/{kind}/manage/", row))
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("This branch no longer exists." in answer.text for answer in answers)
    event = only_event(start)
    assert (event.app_id, event.branch, event.subject) == ("d1shop", "main", "KEY")
    assert event.outcomes.get().detail == "through another app"


def test_next_minute_starts_again(client_for: Callable[[str], Client], clock: Any) -> None:
    charlie = client_for("charlie")
    start = last_event_id()
    refuse(charlie, 12)
    clock.shift(60)
    refuse(charlie, 3)
    assert len(audit_events(start)) == 11 + 3


def test_each_actor_and_app_counts_for_itself(
    client_for: Callable[[str], Client], clock: Any
) -> None:
    """Attempts on one app can't hide those on another, nor one person's another's."""
    charlie, oscar = client_for("charlie"), client_for("oscar")
    refuse(charlie, 12)
    start = last_event_id()
    refuse(charlie, 1, "d2other")
    refuse(oscar, 1)
    assert [(event.actor, event.app_id) for event in audit_events(start)] == [
        ("charlie@example.org", "d2other"),
        ("oscar@example.org", "d1shop"),
    ]


@pytest.mark.usefixtures("clock")
def test_everyone_without_a_session_is_one_actor(secret: Secret) -> None:
    start = last_event_id()
    for number in range(30):
        Client(REMOTE_ADDR=f"203.0.113.{number}").post(f"{APP}/hosting/secrets/manage/")
    assert len(audit_events(start)) == 11


def test_nothing_is_done_if_it_cannot_be_recorded(
    client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for("charlie")
    client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_refusedrequests RENAME TO elsewhere")
    assert client.post(f"{APP}/hosting/secrets/1/reveal/").status_code == 500


@pytest.mark.django_db(transaction=True)
def test_processes_at_once(world: World) -> None:
    """Each thread has its own connection, as each process has."""
    actor = world.actor("charlie")
    refusals.record_refusal(actor, Action.REQUEST_REFUSED, Target("d1shop"))
    together = Barrier(4)

    def work() -> None:
        together.wait()
        for _ in range(10):
            refusals.record_refusal(actor, Action.REQUEST_REFUSED, Target("d1shop"))
        connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = list(RefusedRequests.objects.values_list("number", flat=True))
    endings = AuditEvent.objects.filter(outcomes__detail__contains=" more in the minute")
    if len(counts) == 1 and not endings:  # all within one minute
        assert counts == [41]
        assert AuditEvent.objects.filter(action="request.refuse").count() == 11


@pytest.mark.django_db(transaction=True)
def test_processes_conclude_once(world: World, clock: Any) -> None:
    actor = world.actor("charlie")
    for _ in range(13):
        refusals.record_refusal(actor, Action.REQUEST_REFUSED, Target("d1shop"))
    clock.shift(61)
    together = Barrier(4)

    def work() -> None:
        together.wait()
        refusals.conclude_counted()
        connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [event] = AuditEvent.objects.filter(subject=refusals.MORE)
    assert [ending.detail[:6] for ending in event.outcomes.all()] == ["3 more"]
    assert App.objects.filter(app_id="d1shop").exists()
