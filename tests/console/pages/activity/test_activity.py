"""An app's activity page: who did what, when, from where, and the outcome."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, attempt_all, conclude
from console.audit.paging import PER_PAGE
from console.models import AuditEvent, User
from tests.factories import create_command, save_secrets, set_secret
from tests.fixtures.people import World

URL = "/apps/d1shop/activity/"
BOB = Actor(kind="web", label="bob@example.org", user_id=7, address="203.0.113.7", agent="Lynx/2.9")


@pytest.fixture(autouse=True)
def _empty(world: World) -> None:
    """Start without any activity."""
    assert not AuditEvent.objects.filter(app_id="d1shop").exists()


def record(
    action: Action, *outcomes: Outcome, key: str = "KEY", actor: Actor = BOB, app: str = "d1shop"
) -> AuditEvent:
    """Return an audit event with these outcomes."""
    event = attempt(actor, action, Target(app, "dev", key), version_before=1)
    for outcome in outcomes:
        conclude(event.pk, outcome, version_after=2, detail=f"detail of {outcome}")
    return event


def entries(response: Any) -> list[Any]:
    """Return the entries on the page."""
    return list(response.context["page"].object_list)


def test_it_works(alice: Client) -> None:
    record(Action.SECRET_CHANGED, Outcome.SUCCEEDED)
    response = alice.get(URL)
    [entry] = entries(response)
    assert (entry.actor, entry.sentence, entry.subject, entry.branch) == (
        "bob@example.org", "changed the secret", "KEY", "dev",
    )  # fmt: skip
    assert (entry.outcome_label, entry.versions) == ("Succeeded", "version 1 to 2")
    assert (entry.address, entry.agent) == ("203.0.113.7", "Lynx/2.9")
    for words in ("bob@example.org", "changed the secret", "KEY", "dev", "203.0.113.7", "Lynx/2.9"):
        assert words in response.text


def test_recorded_acts(alice: Client, world: World) -> None:
    secret = set_secret(world, "API_KEY", "canary", world.dev)
    alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    alice.post(f"/apps/d1shop/settings/branches/{world.dev.pk}/", {"stage": "BETA"})
    response = alice.get(URL)
    assert [entry.sentence for entry in entries(response)] == [
        "changed the branch",
        "revealed the secret",
        "added the secret",
    ]
    assert "canary" not in response.text


def test_every_action_has_a_description(alice: Client) -> None:
    for action in Action:
        record(action, Outcome.SUCCEEDED)
        record(action, Outcome.DENIED)
    number = -(-2 * len(Action) // PER_PAGE)
    shown = [it for page in range(number) for it in entries(alice.get(URL, {"page": page + 1}))]
    assert len(shown) == 2 * len(Action)
    for action, done, denied in zip(Action, shown[::-2], shown[-2::-2], strict=True):
        assert done.sentence not in {"", action}, action
        assert denied.sentence == f"attempted: {done.sentence}", action


def test_action_of_a_later_version(alice: Client) -> None:
    event = AuditEvent(action="later.kind", actor_kind="web", actor="x@y.org", app_id="d1shop")
    event.save()
    assert "later.kind" in entries(alice.get(URL))[0].sentence


@pytest.mark.parametrize(
    ("outcomes", "label"),
    [
        ([], "Attempted"),
        ([Outcome.SUCCEEDED], "Succeeded"),
        ([Outcome.FAILED], "Failed"),
        ([Outcome.DENIED], "Denied"),
        ([Outcome.UNKNOWN], "Unknown"),
        ([Outcome.UNKNOWN, Outcome.SETTLED], "Settled"),
    ],
)
def test_outcome(alice: Client, outcomes: list[Outcome], label: str) -> None:
    record(Action.SECRET_CHANGED, *outcomes)
    response = alice.get(URL)
    [entry] = entries(response)
    assert entry.outcome_label == label
    assert label in response.text
    if outcomes:
        assert entry.detail == f"detail of {outcomes[-1]}"


def test_activity_of_another_app(alice: Client) -> None:
    record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, app="d2other")
    record(Action.SIGN_IN, Outcome.SUCCEEDED, app="")
    response = alice.get(URL)
    assert entries(response) == []
    assert "No records to display" in response.text


@pytest.mark.parametrize(
    ("q", "keys"),
    [
        ("", ["C", "B%", "A_1"]),
        ("a_", ["A_1"]),
        ("%", ["B%"]),
        ("mia", ["C"]),
        ("DEV", ["C", "B%", "A_1"]),
        ("nothing", []),
        ("x" * 1011, []),
    ],
)
def test_search(alice: Client, q: str, keys: list[str]) -> None:
    record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, key="A_1")
    record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, key="B%")
    mia = Actor(kind="web", label="mia@example.org")
    record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, key="C", actor=mia)
    assert [entry.subject for entry in entries(alice.get(URL, {"q": q}))] == keys


@pytest.mark.parametrize(
    ("outcome", "keys"),
    [
        ("failed", ["FAILED"]),
        ("unknown", ["UNKNOWN"]),
        ("settled", ["SETTLED"]),
        ("attempted", ["ATTEMPTED"]),
        ("succeeded", []),
        ("open", ["ATTEMPTED", "UNKNOWN"]),
    ],
)
def test_filter_by_outcome(alice: Client, outcome: str, keys: list[str]) -> None:
    record(Action.SECRET_CHANGED, Outcome.FAILED, key="FAILED")
    record(Action.SECRET_CHANGED, Outcome.UNKNOWN, key="UNKNOWN")
    record(Action.SECRET_CHANGED, Outcome.UNKNOWN, Outcome.SETTLED, key="SETTLED")
    record(Action.SECRET_CHANGED, key="ATTEMPTED")
    assert [it.subject for it in entries(alice.get(URL, {"outcome": outcome}))] == keys


@pytest.mark.parametrize(
    ("page", "number", "first", "count"),
    [
        ("1", 1, "119", 50),
        ("2", 2, "69", 50),
        ("3", 3, "19", 20),
        ("99", 3, "19", 20),
        ("0", 3, "19", 20),
        ("-1", 3, "19", 20),
        ("x", 1, "119", 50),
        ("", 1, "119", 50),
    ],
)
def test_pagination(alice: Client, page: str, number: int, first: str, count: int) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(
            action="secret.change", actor_kind="web", actor="a", app_id="d1shop", subject=str(n)
        )
        for n in range(120)
    )
    response = alice.get(URL, {"page": page})
    shown = entries(response)
    assert (response.context["page"].number, shown[0].subject, len(shown)) == (number, first, count)
    assert response.context["page"].paginator.count == 120


def test_search_is_kept_while_paging(alice: Client) -> None:
    for _ in range(51):
        record(Action.SECRET_CHANGED, Outcome.FAILED, key="MANY")
    response = alice.get(URL, {"q": "many", "outcome": "failed"})
    assert response.context["form"].cleaned_data["q"] == "many"
    assert '<option value="failed" selected>' in response.text
    second = alice.get(URL, {"q": "many", "outcome": "failed", "page": "2"})
    assert len(entries(second)) == 1
    assert "q=many" in response.text.replace("&amp;", "&")


def test_times_are_shown_in_utc(alice: Client) -> None:
    event = record(Action.SECRET_CHANGED, Outcome.SUCCEEDED)
    assert timezone.is_aware(event.at)
    assert f"{event.at:%Y-%m-%d %H:%M:%S}Z</time>" in alice.get(URL).text


def test_every_member_sees_it(client_for: Callable[[str], Client]) -> None:
    record(Action.SECRET_REVEALED, Outcome.DENIED)
    for name in ("vera", "bob", "mia", "alice"):
        assert len(entries(client_for(name).get(URL))) == 1


def test_query_count_is_constant(alice: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(60):
        record(Action.SECRET_CHANGED, Outcome.SUCCEEDED)
    # 4 for user and access; suggestions, days, cut, count, page
    with django_assert_max_num_queries(10):
        alice.get(URL)


def test_query_count_of_change_sets(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        save_secrets(world, *(create_command(f"KEY_{number}_{it}") for it in range(3)))
    with django_assert_max_num_queries(12):  # and two for what the sets wrote
        assert len(entries(alice.get(URL))) == 5


def test_a_change_set_is_one_entry(alice: Client, world: World) -> None:
    save_secrets(
        world,
        create_command("ONE", branch=world.dev),
        create_command("TWO", branch=world.main),
    )
    response = alice.get(URL)
    [entry] = entries(response)
    assert (entry.several.verb, entry.several.title) == ("saved", "2 changes on dev and main")
    assert [one.subject for one in entry.several.entries] == ["ONE", "TWO"]
    assert entry.outcome_label == "Succeeded"
    saved = AuditEvent.objects.latest("pk").change_set
    assert f'href="/apps/d1shop/changes/{saved}/">2 changes on dev and main</a>' in response.text
    alice.post(f"/apps/d1shop/changes/{saved}/")
    undone, _ = entries(alice.get(URL))
    assert (undone.several.verb, undone.several.title) == ("undid", "2 changes on dev and main")


def test_filtered_change_set(alice: Client, world: World) -> None:
    """A key is found, also among many that were saved together."""
    save_secrets(world, *(create_command(f"KEY_{number}") for number in range(30)))
    [entry] = entries(alice.get(URL))
    assert (entry.several.number, entry.several.more) == (30, 10)
    [entry] = entries(alice.get(URL, {"key": "KEY_3"}))
    assert (entry.subject, entry.several) == ("KEY_3", None)


def test_outcome_of_a_change_set(alice: Client) -> None:
    change_set = uuid.uuid4()
    events = attempt_all(
        BOB,
        [(Action.SECRET_CHANGED, Target("d1shop", "dev", key), 1) for key in ("ONE", "TWO")],
        change_set=change_set,
    )
    conclude(events[0].pk, Outcome.FAILED, detail="conflict")
    conclude(events[1].pk, Outcome.SUCCEEDED, version_after=2)
    [entry] = entries(alice.get(URL))
    assert (entry.outcome, entry.outcome_label) == ("failed", "1 failed")


def test_reveals_of_one_act(alice: Client) -> None:
    attempt_all(
        BOB,
        [(Action.SECRET_REVEALED, Target("d1shop", "dev", key), 1) for key in ("ONE", "TWO")],
        change_set=uuid.uuid4(),
    )
    [entry] = entries(alice.get(URL))
    assert (entry.several.title, entry.several.number) == ("", 2)
    assert "and more" in alice.get(URL).text


def test_days(client_for: Callable[[str], Client]) -> None:
    with time_machine.travel("2026-05-03T23:30:00Z", tick=False):
        record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, key="EARLIER")
    with time_machine.travel("2026-05-04T12:00:00Z", tick=False):
        record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, key="LATER")
        alice = client_for("alice")
        response = alice.get(URL)
        days = response.context["days"]
        assert [day.number for day in days[-3:]] == [0, 1, 1]
        assert 'aria-label="May 3: 1 event"' in response.text
        chosen = {"since": days[-2].first, "until": days[-2].last, "zone": "UTC"}
        filtered = alice.get(URL, chosen)
        assert [entry.subject for entry in entries(filtered)] == ["EARLIER"]
        assert [day.is_chosen for day in filtered.context["days"][-3:]] == [False, True, False]
        assert [day.number for day in filtered.context["days"][-3:]] == [0, 1, 1]
        tokyo = alice.get(URL, {"zone": "Asia/Tokyo"}).context["days"]
        assert [day.number for day in tokyo[-3:]] == [0, 0, 2]


def test_days_in_the_zone_of_the_reader(client_for: Callable[[str], Client]) -> None:
    """The preference, otherwise the browser's, otherwise UTC."""
    alice = client_for("alice")
    assert alice.get(URL).context["zone"] == "UTC"
    for cookie, zone in (
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("../../etc/passwd", "UTC"),
        ("x" * 5000, "UTC"),
    ):
        alice.cookies["zone"] = cookie
        assert alice.get(URL).context["zone"] == zone
    User.objects.filter(email="alice@example.org").update(time_zone="Europe/Berlin")
    assert alice.get(URL).context["zone"] == "Europe/Berlin"


def test_entries_by_day(client_for: Callable[[str], Client]) -> None:
    """Each day has a heading with the number of its events, in the time zone that was chosen."""
    for at, key in (("03T23:30", "FIRST"), ("04T12:00", "SECOND"), ("04T12:01", "THIRD")):
        with time_machine.travel(f"2026-05-{at}:00Z", tick=False):
            record(Action.SECRET_CHANGED, Outcome.SUCCEEDED, key=key)
    with time_machine.travel("2026-05-05T01:00:00Z", tick=False):
        alice = client_for("alice")
        response = alice.get(URL)
        yesterday, earlier = response.context["dated"]
        assert [entry.subject for entry in yesterday.entries] == ["THIRD", "SECOND"]
        assert (yesterday.name, yesterday.number) == ("Yesterday", 2)
        assert (earlier.name, earlier.number) == ("", 1)
        assert "Yesterday, May 4" in response.text
        [tokyo] = alice.get(URL, {"zone": "Asia/Tokyo"}).context["dated"]
        assert (tokyo.name, tokyo.number) == ("Yesterday", 3)


def test_undo_where_something_was_written(
    alice: Client, client_for: Callable[[str], Client], world: World
) -> None:
    secret = set_secret(world, "KEY", "one")
    saved = f'href="/apps/d1shop/changes/{AuditEvent.objects.latest("pk").change_set}/"'
    alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    record(Action.SECRET_CHANGED, Outcome.FAILED)
    response = alice.get(URL)
    assert [entry.can_undo for entry in entries(response)] == [False, False, True]
    assert response.text.count("/changes/") == response.text.count(saved) == 1
    assert re.search(r">\s*Undo\s*<span", response.text)
    viewer = client_for("vera").get(URL)
    assert saved in viewer.text
    assert not re.search(r">\s*Undo\s*<span", viewer.text)


def test_no_undo_where_all_failed(alice: Client) -> None:
    events = attempt_all(
        BOB,
        [(Action.SECRET_CHANGED, Target("d1shop", "dev", key), 1) for key in ("ONE", "TWO")],
        change_set=uuid.uuid4(),
    )
    for event in events:
        conclude(event.pk, Outcome.FAILED)
    [entry] = entries(alice.get(URL))
    assert not entry.can_undo


def test_days_with_too_many_events(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.audit.days.LIMIT", 3)
    for _ in range(5):
        record(Action.SECRET_CHANGED, Outcome.SUCCEEDED)
    days = alice.get(URL).context["days"]
    assert [day.number for day in days[-2:]] == [None, None]


def test_restore_is_one_entry(alice: Client, world: World) -> None:
    """Its two events are one entry, which names the key."""
    set_secret(world, "KEY", "one")
    row = set_secret(world, "KEY", "two")
    alice.post(
        f"/apps/d1shop/hosting/secrets/{row.pk}/versions/restore/", {"version": 1, "base": 2}
    )
    entry = entries(alice.get(URL))[0]
    assert (entry.sentence, entry.subject, entry.versions) == (
        "changed the secret", "KEY", "version 2 to 3",
    )  # fmt: skip
    assert [one.sentence for one in entry.several.entries] == [
        "restored an earlier version of the secret",
        "changed the secret",
    ]
    assert "and more" not in alice.get(URL).text
