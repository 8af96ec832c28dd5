"""Operators manage groups in the admin; each app of a group records the change."""

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.test import Client

from console.members import services
from console.models import AuditEvent, User
from tests.factories import access_of, add_group, audit_entries
from tests.fixtures.people import World

ADMIN = "/admin/auth/group/"


def group_events(app_id: str) -> list[str]:
    """Return the subjects of an app's audit events of groups; "" is the deployment."""
    events = AuditEvent.objects.filter(app_id=app_id, action__startswith="group.")
    return [event.subject for event in events.order_by("pk")]


def test_it_works(olga: Client, world: World) -> None:
    group = add_group(world, "web", "developer", people=("charlie",))
    bob, charlie = world.person("oscar"), world.person("charlie")
    response = olga.post(f"{ADMIN}{group.pk}/change/", {"name": "web", "users": [bob.pk]})
    assert response["Location"] == ADMIN
    assert list(group.user_set.all()) == [bob]
    subject = "web: added oscar@example.org, removed charlie@example.org"
    assert group_events("") == group_events("d1shop") == [subject]
    assert {entry[3] for entry in audit_entries("group.change")} == {"succeeded"}
    assert access_of(world, "oscar").role == "developer"
    assert not charlie.groups.exists()


def test_new_group(olga: Client, world: World) -> None:
    page = olga.get(f"{ADMIN}add/")
    assert "permissions" not in page.context["adminform"].form.fields
    olga.post(f"{ADMIN}add/", {"name": "web", "users": [world.person("bob").pk]})
    assert list(Group.objects.get(name="web").user_set.all()) == [world.person("bob")]
    assert group_events("") == ["web: added bob@example.org"]
    assert group_events("d1shop") == []


def test_operator_who_joins_is_recorded(olga: Client, world: World) -> None:
    group = add_group(world, "web", "maintainer")
    olga.post(f"{ADMIN}{group.pk}/change/", {"name": "web", "users": [world.person("olga").pk]})
    assert olga.get("/apps/d1shop/").status_code == 200
    entry = AuditEvent.objects.get(app_id="d1shop", action="group.change")
    assert (entry.actor, entry.subject) == ("olga@example.org", "web: added olga@example.org")


def test_many_people_are_all_recorded(olga: Client, world: World) -> None:
    group = add_group(world, "web", "viewer")
    people = [User.objects.create_user(f"{'x' * 50}{n}@example.org") for n in range(40)]
    services.set_group(actor=world.actor("olga"), group=group, users=people)
    for app_id in ("", "d1shop"):
        whole = " ".join(group_events(app_id))
        assert all(person.email in whole for person in people)
        assert len(group_events(app_id)) > 1


def test_rename(olga: Client, world: World) -> None:
    group = add_group(world, "web", "viewer")
    olga.post(f"{ADMIN}{group.pk}/change/", {"name": "site"})
    assert group_events("d1shop") == ["site: name: web to site"]


def test_name_that_is_taken(olga: Client, world: World) -> None:
    add_group(world, "web", "viewer")
    response = olga.post(f"{ADMIN}add/", {"name": "web"})
    assert response.context["adminform"].form.errors["name"]
    assert group_events("") == []


def test_delete(olga: Client, world: World) -> None:
    group = add_group(world, "web", "viewer", people=("charlie",))
    olga.post(f"{ADMIN}{group.pk}/delete/", {"post": "yes"})
    assert not world.app.members.filter(group__isnull=False).exists()
    assert group_events("d1shop") == ["web: removed charlie@example.org"]
    assert audit_entries("group.delete")[-1][3] == "succeeded"


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_others_are_denied(world: World, name: str) -> None:
    group = add_group(world, "web", "viewer")
    with pytest.raises(PermissionDenied):
        services.set_group(actor=world.actor(name), group=group, users=[world.person(name)])
    with pytest.raises(PermissionDenied):
        services.delete_group(actor=world.actor(name), group=group)
    assert not group.user_set.exists()
    assert {entry[3] for entry in audit_entries("group.change", "group.delete")} == {"denied"}


def test_group_as_member_in_the_admin(olga: Client, world: World) -> None:
    group = Group.objects.create(name="web")
    url, new = "/admin/console/member/", {"app": world.app.pk, "role": "developer"}
    both = new | {"group": group.pk, "user": world.person("charlie").pk}
    for wrong in (new, both):
        response = olga.post(f"{url}add/", wrong)
        assert "Choose a person or a group" in response.text
    olga.post(f"{url}add/", new | {"group": group.pk, "patterns": "main\r\ndev"})
    row = world.app.members.get(group=group)
    assert row.patterns == "main\ndev"
    olga.post(f"{url}{row.pk}/change/", {"role": "viewer", "patterns": "", "group": ""})
    row.refresh_from_db()
    assert (row.role, row.patterns, row.group) == ("viewer", "", group)
    response = olga.post(f"{url}{row.pk}/change/", {"role": "owner", "patterns": "x"}, follow=True)
    assert "could remove the limit" in response.text
    olga.post(f"{url}{row.pk}/delete/", {"post": "yes"})
    assert not world.app.members.filter(group=group).exists()
    assert [entry[3] for entry in audit_entries("member.set_by_operator")] == [
        "succeeded",
        "succeeded",
        "failed",
    ]
