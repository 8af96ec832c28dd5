"""Off-boarding: what somebody who left knows, ticked off once it is rotated, or exported."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.members import exposure
from console.models import AuditEvent, Member, User
from secrets_app.reveal import reveal, reveal_all
from tests.console.members.conftest import MEMBERS, Team, messages, trail
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

OF_BOB = f"{MEMBERS}people/{{}}/known/"


@pytest.fixture
def bob(world: World) -> User:
    """Return bob, who develops on dev."""
    return world.person("bob")


@pytest.fixture
def used(desk: Desk, world: World, bob: User) -> None:
    """Let bob have revealed A and written B; C is none of his."""
    a = desk.put("A", branch=world.dev)
    desk.save("bob", desk.new("B", branch=world.dev))
    desk.put("C", branch=world.dev)
    reveal(actor=world.actor("bob"), app_id="d1shop", pk=a.pk)


def known(bob: User, app_id: str = "d1shop") -> list[tuple[str, str, bool]]:
    """Return what bob knows: branch, key, and whether it is rotated."""
    return [(it.branch, it.key, it.is_rotated) for it in exposure.exposed_secrets(bob.pk, app_id)]


def entry_of(bob: User, key: str) -> int:
    """Return what stands behind a box to tick."""
    return next(it.last for it in exposure.exposed_secrets(bob.pk) if it.key == key)


def test_it_works(alice: Client, used: None, bob: User) -> None:
    member = Member.objects.get(user=bob)
    assert "<strong>2 secrets</strong>" in alice.get(f"{MEMBERS}{member.pk}/remove/").text
    page = alice.post(f"{MEMBERS}{member.pk}/remove/", follow=True)
    assert page.redirect_chain == [(OF_BOB.format(bob.pk), 302)]
    assert [
        (it.key, it.revealed_at is None, it.written_at is None) for it in page.context["page"]
    ] == [
        ("A", False, True),
        ("B", True, False),
    ]
    answer = alice.post(OF_BOB.format(bob.pk), {"entry": [entry_of(bob, "A")]}, follow=True)
    assert messages(answer) == ["1 marked as rotated."]
    assert "Marked as rotated by alice@example.org" in answer.text
    assert known(bob) == [("dev", "B", False), ("dev", "A", True)]
    event = AuditEvent.objects.get(action="secret.rotate")
    assert (event.actor, event.branch, event.subject) == ("alice@example.org", "dev", "A")
    assert event.outcomes.get().detail == "known to bob@example.org"


def test_what_a_command_read_counts(desk: Desk, world: World, bob: User) -> None:
    desk.put("A", branch=world.dev)
    desk.put("B", branch=world.dev)
    reveal_all(actor=world.actor("bob"), app_id="d1shop", branch=world.dev)
    assert known(bob) == [("dev", "A", False), ("dev", "B", False)]


def test_what_never_reached_him_does_not(desk: Desk, world: World, bob: User) -> None:
    secret = desk.put("A", branch=world.main)
    with pytest.raises(PermissionDenied):
        reveal(actor=world.actor("bob"), app_id="d1shop", pk=secret.pk)
    row = desk.put("B", branch=world.dev)
    desk.save("bob", desk.change(row, base=7))  # a conflict
    assert known(bob) == []


def test_what_may_have_reached_him_does(world: World, bob: User) -> None:
    """A crash between the store's answer and its record leaves an attempt alone."""
    actor = world.actor("bob")
    attempt(actor, Action.SECRET_REVEALED, Target("d1shop", "dev", "CUT"))
    lost = attempt(actor, Action.SECRET_CHANGED, Target("d1shop", "dev", "LOST"))
    conclude(lost.pk, Outcome.UNKNOWN)
    assert known(bob) == [("dev", "CUT", False), ("dev", "LOST", False)]


def test_a_secret_is_open_again_once_he_reveals_it_again(
    used: None, world: World, bob: User, desk: Desk
) -> None:
    alice = world.actor("alice")
    one = [entry_of(bob, "A")]
    assert exposure.mark_rotated(actor=alice, person=bob, entries=one, app_id="d1shop") == 1
    assert exposure.mark_rotated(actor=alice, person=bob, entries=one, app_id="d1shop") == 0
    secret = desk.row("A", world.dev)
    reveal(actor=world.actor("bob"), app_id="d1shop", pk=secret.pk)
    assert known(bob) == [("dev", "A", False), ("dev", "B", False)]


def test_a_rotated_secret_is_rotated_for_everybody(
    used: None, world: World, bob: User, desk: Desk
) -> None:
    mia = world.person("mia")
    reveal(actor=world.actor("mia"), app_id="d1shop", pk=desk.row("A", world.dev).pk)
    entries = [entry_of(mia, "A")]
    exposure.mark_rotated(actor=world.actor("alice"), person=mia, entries=entries, app_id="d1shop")
    assert known(bob) == [("dev", "B", False), ("dev", "A", True)]


def test_what_others_did_since_is_told(used: None, desk: Desk, world: World, bob: User) -> None:
    desk.save("alice", desk.change(desk.row("A", world.dev)))
    desk.save("mia", desk.removal(desk.row("B", world.dev)))
    a, b = exposure.exposed_secrets(bob.pk, "d1shop")
    assert (a.since and a.since.actor, a.is_removed) == ("alice@example.org", False)
    assert (b.since and b.since.actor, b.is_removed) == ("mia@example.org", True)
    assert not a.is_rotated  # a change may be no rotation: somebody ticks it off
    [again] = desk.save("bob", desk.change(desk.row("A", world.dev), "third"))
    assert again.outcome == "saved"
    assert exposure.exposed_secrets(bob.pk, "d1shop")[0].since is None  # he knows the new one too


def test_an_outside_change_is_told(used: None, desk: Desk, world: World, bob: User) -> None:
    desk.check()
    desk.outside(desk.paths("A", world.dev)[0])
    desk.check()
    assert [it.since.action for it in exposure.exposed_secrets(bob.pk) if it.since] == [
        "found.change"
    ]


def test_other_apps_are_their_own(used: None, desk: Desk, world: World, bob: User) -> None:
    Member.objects.create(app=world.other_app, user=bob, role="developer")
    actor = world.actor("bob")
    event = attempt(actor, Action.SECRET_REVEALED, Target("d2other", "main", "THEIRS"))
    conclude(event.pk, Outcome.SUCCEEDED)
    assert [it[1] for it in known(bob)] == ["A", "B"]
    assert [it[1] for it in known(bob, "")] == ["A", "B", "THEIRS"]
    theirs = [entry_of(bob, "THEIRS")]
    alice = world.actor("alice")
    assert exposure.mark_rotated(actor=alice, person=bob, entries=theirs, app_id="d1shop") == 0
    with pytest.raises(PermissionDenied):
        exposure.mark_rotated(actor=alice, person=bob, entries=theirs)
    with pytest.raises(Http404):
        exposure.mark_rotated(actor=alice, person=bob, entries=theirs, app_id="d2other")


@pytest.mark.parametrize("entries", [["999999"], ["x"], ["-1"], ["9" * 40], []])
def test_nonsense_ticks_nothing(alice: Client, used: None, bob: User, entries: list[str]) -> None:
    answer = alice.post(OF_BOB.format(bob.pk), {"entry": entries}, follow=True)
    assert messages(answer) == ["Nothing was marked as rotated. Select the secrets first."]
    assert trail("secret.rotate") == []


@pytest.mark.parametrize("name", ["charlie", "olga", "oscar", "ivan"])
def test_nobody_reads_the_deployments_people_by_number(
    alice: Client, world: World, team: Team, name: str
) -> None:
    stranger = world.person(name)
    Member.objects.filter(app=world.app, user=stranger).delete()
    for url in (OF_BOB.format(stranger.pk), OF_BOB.format(999999)):
        answer = alice.get(url)
        assert answer.status_code == 404
        assert stranger.email not in answer.text


# The file


def rows_of(answer: Any) -> list[list[str]]:
    """Return a CSV file's rows."""
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_export(alice: Client, used: None, bob: User, desk: Desk, world: World) -> None:
    desk.save("alice", desk.change(desk.row("A", world.dev)))
    answer = alice.post(OF_BOB.format(bob.pk), {"action": "export"})
    assert answer["Content-Disposition"] == 'attachment; filename="known-to-bob@example.org.csv"'
    assert answer["Cache-Control"] == "no-store"
    head, *rows = rows_of(answer)
    assert head[:3] == ["App", "Branch", "Secret"]
    assert [(row[:3], row[6]) for row in rows] == [
        (["d1shop", "dev", "A"], "alice@example.org"),
        (["d1shop", "dev", "B"], ""),
    ]
    assert trail("secret.exposure") == [
        ("alice", "secret.exposure", "bob@example.org", "succeeded")
    ]


def test_a_cell_is_no_formula(
    alice: Client, world: World, bob: User, desk: Desk, team: Team
) -> None:
    branch = team.branch("=HYPERLINK(1)")
    desk.save("bob", desk.new("-1", branch=branch))
    rows = rows_of(alice.post(OF_BOB.format(bob.pk), {"action": "export"}))
    assert rows[1][:3] == ["d1shop", "'=HYPERLINK(1)", "'-1"]


def test_many_come_in_pages(alice: Client, world: World, bob: User) -> None:
    actor = world.actor("bob")
    for number in range(101):
        conclude(
            attempt(actor, Action.SECRET_REVEALED, Target("d1shop", "dev", f"K{number:03}")).pk,
            Outcome.SUCCEEDED,
        )
    page = alice.get(OF_BOB.format(bob.pk), {"page": "2"})
    assert [it.key for it in page.context["page"]] == ["K100"]
    assert "<strong>101</strong> of 101 left to rotate" in page.text
    assert len(rows_of(alice.post(OF_BOB.format(bob.pk), {"action": "export"}))) == 102


# Who left


def test_who_left(alice: Client, used: None, bob: User, world: World, team: Team) -> None:
    assert alice.get(f"{MEMBERS}left/").context["rows"] == []  # he is here still
    Member.objects.filter(user=bob).delete()
    [row] = alice.get(f"{MEMBERS}left/").context["rows"]
    assert (row.person, row.open, row.total) == (bob, 2, 2)
    alice.post(OF_BOB.format(bob.pk), {"entry": [entry_of(bob, "A")]})
    [row] = alice.get(f"{MEMBERS}left/").context["rows"]
    assert (row.person, row.open, row.total) == (bob, 1, 2)
    team.group("web", "viewer", people=("bob",))
    assert alice.get(f"{MEMBERS}left/").context["rows"] == []  # a group leads him in


def test_a_disabled_member_left(alice: Client, used: None, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    [row] = alice.get(f"{MEMBERS}left/").context["rows"]
    assert row.person == bob


def test_as_many_queries_for_ten_who_left_as_for_one(
    alice: Client, world: World, django_assert_num_queries: Any
) -> None:
    def leaves(name: str) -> None:
        actor = world.actor(name)
        for key in ("A", "B"):
            event = attempt(actor, Action.SECRET_REVEALED, Target("d1shop", "dev", key))
            conclude(event.pk, Outcome.SUCCEEDED)

    leaves("zoe")
    alice.get(f"{MEMBERS}left/")  # the first request writes seals
    with CaptureQueriesContext(connection) as one:
        assert len(alice.get(f"{MEMBERS}left/").context["rows"]) == 1
    queries = len(one)  # the log is emptied by the next request
    for number in range(9):
        leaves(f"zoe{number}")
    alice.get(f"{MEMBERS}left/")
    with django_assert_num_queries(queries):
        rows = alice.get(f"{MEMBERS}left/").context["rows"]
    assert [(row.total, row.open) for row in rows] == [(2, 2)] * 10


# The operator's side


def test_disabling_ends_every_session(
    used: None, bob: User, as_: Callable[[str], Client], olga: Client
) -> None:
    first, second = as_("bob"), as_("bob")
    assert first.get("/").status_code == second.get("/").status_code == 200
    answer = olga.post(f"/admin/console/user/{bob.pk}/change/", {"email": bob.email}, follow=True)
    link = f'<a href="/people/{bob.pk}/known/">'
    assert any(
        link in message and "Signed out everywhere" in message for message in messages(answer)
    )
    User.objects.filter(pk=bob.pk).update(is_active=True)  # they do not live again with him
    assert first.get("/").status_code == second.get("/").status_code == 302
    assert trail("session.end") == [("olga", "session.end", "2 of bob@example.org", "succeeded")]
    page = olga.get(f"/people/{bob.pk}/known/")
    assert [it.key for it in page.context["page"]] == ["A", "B"]


def test_an_app_without_an_owner_is_told_of(olga: Client, world: World) -> None:
    alice = world.person("alice")
    world.person("oscar")
    url = f"/admin/console/user/{alice.pk}/change/"
    said = messages(olga.post(url, {"email": alice.email}, follow=True))
    assert "These apps have no owner now: Shop (d1shop)." in said[-1]
    vera = world.person("vera")
    url = f"/admin/console/user/{vera.pk}/change/"
    said = messages(olga.post(url, {"email": vera.email}, follow=True))
    assert not any("have no owner now" in words for words in said)


def test_an_operator_ticks_off(used: None, bob: User, olga: Client) -> None:
    entries = [entry_of(bob, key) for key in "AB"]
    answer = olga.post(f"/people/{bob.pk}/known/", {"entry": entries}, follow=True)
    assert messages(answer) == ["2 marked as rotated."]
    assert [it[2] for it in known(bob)] == [True, True]
    told = AuditEvent.objects.filter(app_id="d1shop", action="secret.rotate")
    assert [event.actor for event in told] == ["olga@example.org"] * 2


def test_an_operator_who_disables_himself(olga: Client, world: World) -> None:
    User.objects.create_superuser("second@example.org")
    person = world.person("olga")
    url = f"/admin/console/user/{person.pk}/change/"
    form = {"email": person.email, "is_superuser": "on"}
    assert olga.post(url, form).status_code == 302
    assert olga.get("/").status_code == 302


@pytest.mark.parametrize("name", ["alice", "bob", "charlie"])
def test_nobody_else_sees_all_apps(
    as_: Callable[[str], Client], used: None, bob: User, name: str
) -> None:
    client = as_(name)
    assert client.get(f"/people/{bob.pk}/known/").status_code == 403
    assert client.post(f"/people/{bob.pk}/known/", {"action": "export"}).status_code == 403
    assert trail("secret.exposure")[-1][3] == "denied"
