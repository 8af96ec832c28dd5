"""Operators manage groups in the admin; each app that a group is a member of tells of it."""

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.test import Client

from console.members import services
from console.models import AuditEvent, User
from tests.console.members.conftest import Team, trail
from tests.fixtures.people import World

ADMIN = "/admin/auth/group/"


def told(app_id: str) -> list[str]:
    """Return what an app's trail says of groups; "" is the deployment's."""
    events = AuditEvent.objects.filter(app_id=app_id, action__startswith="group.")
    return [event.subject for event in events.order_by("pk")]


def test_it_works(olga: Client, team: Team, world: World) -> None:
    group = team.group("web", "developer", people=("charlie",))
    bob, charlie = world.person("oscar"), world.person("charlie")
    answer = olga.post(f"{ADMIN}{group.pk}/change/", {"name": "web", "users": [bob.pk]})
    assert answer["Location"] == ADMIN
    assert list(group.user_set.all()) == [bob]
    said = "web: added oscar@example.org, removed charlie@example.org"
    assert told("") == told("d1shop") == [said]
    assert {entry[3] for entry in trail("group.change")} == {"succeeded"}
    assert team.access("oscar").role == "developer"
    assert not charlie.groups.exists()


def test_a_new_group(olga: Client, world: World) -> None:
    page = olga.get(f"{ADMIN}add/")
    assert "permissions" not in page.context["adminform"].form.fields
    olga.post(f"{ADMIN}add/", {"name": "web", "users": [world.person("bob").pk]})
    assert list(Group.objects.get(name="web").user_set.all()) == [world.person("bob")]
    assert told("") == ["web: added bob@example.org"]
    assert told("d1shop") == []


def test_an_operator_who_joins_is_told_of(olga: Client, team: Team, world: World) -> None:
    group = team.group("web", "maintainer")
    olga.post(f"{ADMIN}{group.pk}/change/", {"name": "web", "users": [world.person("olga").pk]})
    assert olga.get("/apps/d1shop/").status_code == 200
    entry = AuditEvent.objects.get(app_id="d1shop", action="group.change")
    assert (entry.actor, entry.subject) == ("olga@example.org", "web: added olga@example.org")


def test_many_people_are_all_told(olga: Client, team: Team, world: World) -> None:
    group = team.group("web", "viewer")
    people = [User.objects.create_user(f"{'x' * 50}{n}@example.org") for n in range(40)]
    services.set_group(actor=world.actor("olga"), group=group, users=people)
    for app_id in ("", "d1shop"):
        whole = " ".join(told(app_id))
        assert all(person.email in whole for person in people)
        assert len(told(app_id)) > 1


def test_renaming(olga: Client, team: Team) -> None:
    group = team.group("web", "viewer")
    olga.post(f"{ADMIN}{group.pk}/change/", {"name": "site"})
    assert told("d1shop") == ["site: name: web to site"]


def test_a_name_that_is_taken(olga: Client, team: Team) -> None:
    team.group("web", "viewer")
    answer = olga.post(f"{ADMIN}add/", {"name": "web"})
    assert answer.context["adminform"].form.errors["name"]
    assert told("") == []


def test_deleting_one(olga: Client, team: Team, world: World) -> None:
    group = team.group("web", "viewer", people=("charlie",))
    olga.post(f"{ADMIN}{group.pk}/delete/", {"post": "yes"})
    assert not world.app.members.filter(group__isnull=False).exists()
    assert told("d1shop") == ["web: removed charlie@example.org"]
    assert trail("group.delete")[-1][3] == "succeeded"


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_nobody_else(team: Team, world: World, name: str) -> None:
    group = team.group("web", "viewer")
    with pytest.raises(PermissionDenied):
        services.set_group(actor=world.actor(name), group=group, users=[world.person(name)])
    with pytest.raises(PermissionDenied):
        services.delete_group(actor=world.actor(name), group=group)
    assert not group.user_set.exists()
    assert {entry[3] for entry in trail("group.change", "group.delete")} == {"denied"}


def test_a_members_page_in_the_admin(olga: Client, team: Team, world: World) -> None:
    group = Group.objects.create(name="web")
    url, new = "/admin/console/member/", {"app": world.app.pk, "role": "developer"}
    both = new | {"group": group.pk, "user": world.person("charlie").pk}
    for wrong in (new, both):
        answer = olga.post(f"{url}add/", wrong)
        assert "Choose a person or a group" in answer.text
    olga.post(f"{url}add/", new | {"group": group.pk, "patterns": "main\r\ndev"})
    row = world.app.members.get(group=group)
    assert row.patterns == "main\ndev"
    olga.post(f"{url}{row.pk}/change/", {"role": "viewer", "patterns": "", "group": ""})
    row.refresh_from_db()
    assert (row.role, row.patterns, row.group) == ("viewer", "", group)
    answer = olga.post(f"{url}{row.pk}/change/", {"role": "owner", "patterns": "x"}, follow=True)
    assert "could remove the limit" in answer.text
    olga.post(f"{url}{row.pk}/delete/", {"post": "yes"})
    assert not world.app.members.filter(group=group).exists()
    assert [entry[3] for entry in trail("member.set")] == ["succeeded", "succeeded", "failed"]
