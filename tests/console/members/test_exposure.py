"""Secrets known to people who left: listed, marked as rotated, and exported."""

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
from tests.factories import (
    add_group,
    audit_entries,
    create_branch,
    create_command,
    delete_command,
    messages_of,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World

MEMBERS = "/apps/d1shop/settings/members/"
OF_BOB = f"{MEMBERS}people/{{}}/known/"


@pytest.fixture
def bob(world: World) -> User:
    """Return bob, a developer."""
    return world.person("bob")


@pytest.fixture
def exposed(world: World, bob: User) -> None:
    """Reveal A and write B as bob, who never sees C."""
    a = set_secret(world, "A", branch=world.dev)
    save_secrets(world, create_command("B", branch=world.dev), by="bob")
    set_secret(world, "C", branch=world.dev)
    reveal(actor=world.actor("bob"), app_id="d1shop", pk=a.pk)


def known(bob: User, app_id: str = "d1shop") -> list[tuple[str, str, bool]]:
    """Return (branch, key, whether it is rotated) of the secrets known to bob."""
    return [(it.branch, it.key, it.is_rotated) for it in exposure.exposed_secrets(bob.pk, app_id)]


def entry_of(bob: User, key: str) -> str:
    """Return the value of a secret's checkbox."""
    return next(it.token for it in exposure.exposed_secrets(bob.pk) if it.key == key)


def test_it_works(alice: Client, exposed: None, bob: User) -> None:
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
    response = alice.post(OF_BOB.format(bob.pk), {"entry": [entry_of(bob, "A")]}, follow=True)
    assert messages_of(response) == ["1 marked as rotated."]
    assert "Marked as rotated by alice@example.org" in response.text
    assert known(bob) == [("dev", "B", False), ("dev", "A", True)]
    event = AuditEvent.objects.get(action="secret.rotate")
    assert (event.actor, event.branch, event.subject) == ("alice@example.org", "dev", "A")
    assert event.outcomes.get().detail == "known to bob@example.org"


def test_secrets_read_by_a_command(world: World, bob: User) -> None:
    set_secret(world, "A", branch=world.dev)
    set_secret(world, "B", branch=world.dev)
    reveal_all(actor=world.actor("bob"), app_id="d1shop", branch=world.dev)
    assert known(bob) == [("dev", "A", False), ("dev", "B", False)]


def test_denied_and_failed_acts_do_not_count(world: World, bob: User) -> None:
    secret = set_secret(world, "A", branch=world.main)
    with pytest.raises(PermissionDenied):
        reveal(actor=world.actor("bob"), app_id="d1shop", pk=secret.pk)
    row = set_secret(world, "B", branch=world.dev)
    save_secrets(world, set_command(row, expected_version=7), by="bob")  # a conflict
    assert known(bob) == []


def test_unfinished_acts_count(world: World, bob: User) -> None:
    """A crash after the store's response leaves an audit event without outcome."""
    actor = world.actor("bob")
    attempt(actor, Action.SECRET_REVEALED, Target("d1shop", "dev", "CUT"))
    lost = attempt(actor, Action.SECRET_CHANGED, Target("d1shop", "dev", "LOST"))
    conclude(lost.pk, Outcome.UNKNOWN)
    assert known(bob) == [("dev", "CUT", False), ("dev", "LOST", False)]


def test_revealing_again_reopens_it(exposed: None, world: World, bob: User) -> None:
    alice = world.actor("alice")
    one = [entry_of(bob, "A")]
    assert exposure.mark_rotated(actor=alice, person=bob, entries=one, app_id="d1shop") == 1
    assert exposure.mark_rotated(actor=alice, person=bob, entries=one, app_id="d1shop") == 0
    secret = secret_row(world, "A", world.dev)
    reveal(actor=world.actor("bob"), app_id="d1shop", pk=secret.pk)
    assert known(bob) == [("dev", "A", False), ("dev", "B", False)]


def test_rotated_for_everyone(exposed: None, world: World, bob: User) -> None:
    mia = world.person("mia")
    reveal(actor=world.actor("mia"), app_id="d1shop", pk=secret_row(world, "A", world.dev).pk)
    entries = [entry_of(mia, "A")]
    exposure.mark_rotated(actor=world.actor("alice"), person=mia, entries=entries, app_id="d1shop")
    assert known(bob) == [("dev", "B", False), ("dev", "A", True)]


def test_later_changes_are_shown(exposed: None, world: World, bob: User) -> None:
    save_secrets(world, set_command(secret_row(world, "A", world.dev)))
    save_secrets(world, delete_command(secret_row(world, "B", world.dev)), by="mia")
    a, b = exposure.exposed_secrets(bob.pk, "d1shop")
    assert (a.since and a.since.actor, a.is_removed) == ("alice@example.org", False)
    assert (b.since and b.since.actor, b.is_removed) == ("mia@example.org", True)
    assert not a.is_rotated  # a change may not be a rotation: an owner marks it
    [again] = save_secrets(world, set_command(secret_row(world, "A", world.dev), "third"), by="bob")
    assert again.outcome == "saved"
    assert (
        exposure.exposed_secrets(bob.pk, "d1shop")[0].since is None
    )  # bob knows the new value too


def test_outside_change_is_shown(exposed: None, world: World, bob: User) -> None:
    reconcile_now(world)
    write_outside(secret_paths(world, "A", world.dev)[0])
    reconcile_now(world)
    assert [it.since.action for it in exposure.exposed_secrets(bob.pk) if it.since] == [
        "found.change"
    ]


def test_other_apps_are_separate(exposed: None, world: World, bob: User) -> None:
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
def test_invalid_entries(alice: Client, exposed: None, bob: User, entries: list[str]) -> None:
    response = alice.post(OF_BOB.format(bob.pk), {"entry": entries}, follow=True)
    assert messages_of(response) == ["Nothing was marked as rotated. Select the secrets first."]
    assert audit_entries("secret.rotate") == []


@pytest.mark.parametrize("name", ["charlie", "olga", "oscar", "ivan"])
def test_people_outside_the_app_are_not_found(alice: Client, world: World, name: str) -> None:
    stranger = world.person(name)
    Member.objects.filter(app=world.app, user=stranger).delete()
    for url in (OF_BOB.format(stranger.pk), OF_BOB.format(999999)):
        response = alice.get(url)
        assert response.status_code == 404
        assert stranger.email not in response.text


# The file


def rows_of(response: Any) -> list[list[str]]:
    """Return the rows of a CSV file."""
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_export(alice: Client, exposed: None, bob: User, world: World) -> None:
    save_secrets(world, set_command(secret_row(world, "A", world.dev)))
    response = alice.post(OF_BOB.format(bob.pk), {"action": "export"})
    assert response["Content-Disposition"] == 'attachment; filename="known-to-bob@example.org.csv"'
    assert response["Cache-Control"] == "no-store"
    head, *rows = rows_of(response)
    assert head[:3] == ["App", "Branch", "Secret"]
    assert [(row[:3], row[6]) for row in rows] == [
        (["d1shop", "dev", "A"], "alice@example.org"),
        (["d1shop", "dev", "B"], ""),
    ]
    assert audit_entries("secret.exposure") == [
        ("alice", "secret.exposure", "bob@example.org", "succeeded")
    ]


def test_cells_are_no_formulas(alice: Client, world: World, bob: User) -> None:
    branch = create_branch(world, "=HYPERLINK(1)")
    save_secrets(world, create_command("-1", branch=branch), by="bob")
    rows = rows_of(alice.post(OF_BOB.format(bob.pk), {"action": "export"}))
    assert rows[1][:3] == ["d1shop", "'=HYPERLINK(1)", "'-1"]


def test_pagination(alice: Client, world: World, bob: User) -> None:
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


def test_former_members(alice: Client, exposed: None, bob: User, world: World) -> None:
    assert alice.get(f"{MEMBERS}left/").context["rows"] == []  # still a member
    Member.objects.filter(user=bob).delete()
    [row] = alice.get(f"{MEMBERS}left/").context["rows"]
    assert (row.person, row.open, row.total) == (bob, 2, 2)
    alice.post(OF_BOB.format(bob.pk), {"entry": [entry_of(bob, "A")]})
    [row] = alice.get(f"{MEMBERS}left/").context["rows"]
    assert (row.person, row.open, row.total) == (bob, 1, 2)
    add_group(world, "web", "viewer", people=("bob",))
    assert alice.get(f"{MEMBERS}left/").context["rows"] == []  # a member through the group


def test_disabled_member_is_a_former_member(alice: Client, exposed: None, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    [row] = alice.get(f"{MEMBERS}left/").context["rows"]
    assert row.person == bob


def test_query_count_is_constant(
    alice: Client, world: World, django_assert_num_queries: Any
) -> None:
    def leaves(name: str) -> None:
        actor = world.actor(name)
        for key in ("A", "B"):
            event = attempt(actor, Action.SECRET_REVEALED, Target("d1shop", "dev", key))
            conclude(event.pk, Outcome.SUCCEEDED)

    leaves("zoe")
    alice.get(f"{MEMBERS}left/")  # the first request appends audit links
    with CaptureQueriesContext(connection) as one:
        assert len(alice.get(f"{MEMBERS}left/").context["rows"]) == 1
    queries = len(one)  # the next request resets the log
    for number in range(9):
        leaves(f"zoe{number}")
    alice.get(f"{MEMBERS}left/")
    with django_assert_num_queries(queries):
        rows = alice.get(f"{MEMBERS}left/").context["rows"]
    assert [(row.total, row.open) for row in rows] == [(2, 2)] * 10


# The operator's side


def test_disabling_ends_every_session(
    exposed: None, bob: User, client_for: Callable[[str], Client], olga: Client
) -> None:
    first, second = client_for("bob"), client_for("bob")
    assert first.get("/").status_code == second.get("/").status_code == 200
    response = olga.post(f"/admin/console/user/{bob.pk}/change/", {"email": bob.email}, follow=True)
    link = f'<a href="/people/{bob.pk}/known/">'
    assert any(
        link in message and "Signed out everywhere" in message for message in messages_of(response)
    )
    User.objects.filter(pk=bob.pk).update(is_active=True)  # enabling does not revive the sessions
    assert first.get("/").status_code == second.get("/").status_code == 302
    assert audit_entries("session.end") == [
        ("olga", "session.end", "2 of bob@example.org", "succeeded")
    ]
    page = olga.get(f"/people/{bob.pk}/known/")
    assert [it.key for it in page.context["page"]] == ["A", "B"]


def test_disabling_the_last_owner_warns(olga: Client, world: World) -> None:
    alice = world.person("alice")
    world.person("oscar")
    url = f"/admin/console/user/{alice.pk}/change/"
    messages = messages_of(olga.post(url, {"email": alice.email}, follow=True))
    assert "These apps have no owner now: Shop (d1shop)." in messages[-1]
    vera = world.person("vera")
    url = f"/admin/console/user/{vera.pk}/change/"
    messages = messages_of(olga.post(url, {"email": vera.email}, follow=True))
    assert not any("have no owner now" in words for words in messages)


def test_operator_marks_as_rotated(exposed: None, bob: User, olga: Client) -> None:
    entries = [entry_of(bob, key) for key in "AB"]
    response = olga.post(f"/people/{bob.pk}/known/", {"entry": entries}, follow=True)
    assert messages_of(response) == ["2 marked as rotated."]
    assert [it[2] for it in known(bob)] == [True, True]
    events = AuditEvent.objects.filter(app_id="d1shop", action="secret.rotate")
    assert [event.actor for event in events] == ["olga@example.org"] * 2


def test_operator_disables_themselves(olga: Client, world: World) -> None:
    User.objects.create_superuser("second@example.org")
    person = world.person("olga")
    url = f"/admin/console/user/{person.pk}/change/"
    form = {"email": person.email, "is_superuser": "on"}
    assert olga.post(url, form).status_code == 302
    assert olga.get("/").status_code == 302


@pytest.mark.parametrize("name", ["alice", "bob", "charlie"])
def test_others_do_not_see_all_apps(
    client_for: Callable[[str], Client], exposed: None, bob: User, name: str
) -> None:
    client = client_for(name)
    assert client.get(f"/people/{bob.pk}/known/").status_code == 403
    assert client.post(f"/people/{bob.pk}/known/", {"action": "export"}).status_code == 403
    assert audit_entries("secret.exposure")[-1][3] == "denied"
