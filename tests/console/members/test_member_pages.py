"""The members page: give, change and remove roles."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from console.models import Member, User
from tests.factories import (
    access_of,
    add_group,
    audit_entries,
    form_errors,
    messages_of,
    role_of,
    set_role,
)
from tests.fixtures.people import World

MEMBERS = "/apps/d1shop/settings/members/"
LAST = "This is the app's last owner. Make someone else an owner first."


def test_it_works(alice: Client, world: World) -> None:
    bob = set_role(world, "bob", "developer")
    response = alice.post(
        f"{MEMBERS}{bob.pk}/", {"role": "maintainer", "patterns": "main\r\n release/*\r\n"},
        follow=True,
    )  # fmt: skip
    assert response.redirect_chain == [(MEMBERS, 302)]
    assert messages_of(response) == ["Saved the role of bob@example.org."]
    rows = {row["name"]: row for row in response.context["members"]}
    assert rows["bob@example.org"]["role"] == "Maintainer"
    assert rows["bob@example.org"]["patterns"] == ["main", "release/*"]
    assert audit_entries("member.set") == [
        ("alice", "member.set", "bob@example.org: maintainer on main, release/*", "succeeded")
    ]


def test_list(alice: Client, world: World) -> None:
    add_group(world, "web", "developer", "feature/*", people=("charlie", "ivan"))
    text = alice.get(MEMBERS).text
    for words in ("alice@example.org", "web", "feature/*", "charlie@example.org", "(disabled)"):
        assert words in text
    assert text.index("alice@example.org") < text.index("Group")


def test_form_shows_the_current_role(alice: Client, world: World) -> None:
    bob = set_role(world, "bob", "maintainer", "main", "release/*")
    form = alice.get(f"{MEMBERS}{bob.pk}/").context["form"]
    assert (form["role"].value(), form["patterns"].value()) == ("maintainer", "main\nrelease/*")


@pytest.mark.parametrize(
    ("post", "field", "error"),
    [
        ({"role": "king"}, "role", "Select a valid choice"),
        ({}, "role", "required"),
        ({"role": "owner", "patterns": "main"}, "patterns", "could remove the limit"),
        ({"role": "developer", "patterns": "a\tb"}, "patterns", "contain control characters"),
        ({"role": "developer", "patterns": "x\n" * 2 + "y\n" * 3 + "z"}, "", ""),
        ({"role": "developer", "patterns": "x\0y"}, "patterns", "Null characters"),
        (
            {"role": "developer", "patterns": "\n".join(map(str, range(21)))},
            "patterns",
            "at most 20 patterns",
        ),
    ],
)
def test_valid_and_invalid_roles(
    alice: Client, world: World, post: dict[str, str], field: str, error: str
) -> None:
    bob = set_role(world, "bob", "viewer")
    response = alice.post(f"{MEMBERS}{bob.pk}/", post)
    if not field:
        assert response.status_code == 302
        return
    assert error in form_errors(response)[field][0]
    assert role_of(world, "bob") == "viewer"


def test_remove_a_member(alice: Client, world: World) -> None:
    vera = set_role(world, "vera", "viewer")
    url = f"{MEMBERS}{vera.pk}/remove/"
    assert "vera@example.org" in alice.get(url).text
    response = alice.post(url, follow=True)
    assert response.redirect_chain == [(MEMBERS, 302)]
    assert messages_of(response) == ["vera@example.org was removed."]
    assert role_of(world, "vera") == ""
    assert audit_entries("member.remove") == [
        ("alice", "member.remove", "vera@example.org", "succeeded")
    ]


@pytest.mark.parametrize(("page", "post"), [("", {"role": "viewer"}), ("remove/", {})])
def test_last_owner_cannot_be_removed(
    alice: Client, world: World, page: str, post: dict[str, str]
) -> None:
    owner = set_role(world, "alice", "owner")
    add_group(
        world, "owners", "owner", people=("mia",)
    )  # groups don't count: they may become empty
    response = alice.post(f"{MEMBERS}{owner.pk}/{page}", post)
    assert form_errors(response)["__all__"] == [LAST]
    assert role_of(world, "alice") == "owner"
    assert audit_entries("member.set", "member.remove")[-1][3] == "failed"


def test_owner_leaves(alice: Client, world: World) -> None:
    set_role(world, "mia", "owner")
    owner = set_role(world, "alice", "owner")
    assert alice.post(f"{MEMBERS}{owner.pk}/remove/")["Location"] == "/"
    assert alice.get("/apps/d1shop/").status_code == 404


def test_owner_demotes_themselves(alice: Client, world: World) -> None:
    set_role(world, "mia", "owner")
    owner = set_role(world, "alice", "owner")
    response = alice.post(f"{MEMBERS}{owner.pk}/", {"role": "developer"}, follow=True)
    assert response.redirect_chain == [("/apps/d1shop/", 302)]
    assert response.status_code == 200
    assert alice.get(MEMBERS).status_code == 403


@pytest.mark.parametrize("name", ["mia", "bob", "vera"])
@pytest.mark.parametrize(
    ("page", "action"),
    [
        ("{vera}/", "member.set"),
        ("{vera}/remove/", "member.remove"),
        ("group/", "member.set"),
        ("invite/", "member.invite"),
        ("people/{bob}/known/", "secret.rotate"),
    ],
)
def test_denied_attempt_is_recorded(
    client_for: Any, world: World, name: str, page: str, action: str
) -> None:
    vera, bob = set_role(world, "vera", "viewer"), world.person("bob")
    url = MEMBERS + page.format(vera=vera.pk, bob=bob.pk)
    assert client_for(name).post(url, {"role": "owner"}).status_code == 403
    assert [entry[1:] for entry in audit_entries()[1:]] == [
        (action, "", "denied")
    ]  # after the sign-in
    assert role_of(world, "vera") == "viewer"


def test_member_of_another_app(alice: Client, world: World) -> None:
    world.person("oscar")
    foreign = Member.objects.get(app=world.other_app)
    for page in ("", "remove/"):
        assert alice.post(f"{MEMBERS}{foreign.pk}/{page}", {"role": "viewer"}).status_code == 404
    assert Member.objects.get(pk=foreign.pk).role == "owner"


def test_add_a_group(alice: Client, world: World) -> None:
    group = Group.objects.create(name="web")
    group.user_set.add(world.person("charlie"))
    assert "Add group" in alice.get(MEMBERS).text
    post = {"group": group.pk, "role": "developer", "patterns": "dev"}
    response = alice.post(f"{MEMBERS}group/", post, follow=True)
    assert messages_of(response) == ["The group web is now a member."]
    assert access_of(world, "charlie").role == "developer"
    assert "Add group" not in response.text  # no group is left to add
    assert form_errors(alice.post(f"{MEMBERS}group/", post))["group"]
    assert audit_entries("member.set") == [
        ("alice", "member.set", "group web: developer on dev", "succeeded")
    ]


def test_remove_a_group(alice: Client, world: World) -> None:
    add_group(world, "web", "owner", people=("charlie",))
    row = Member.objects.get(group__name="web")
    assert alice.post(f"{MEMBERS}{row.pk}/remove/")["Location"] == f"{MEMBERS}left/"
    assert not Member.objects.filter(pk=row.pk).exists()
    assert Group.objects.filter(name="web").exists()


def test_app_is_listed_once_with_the_highest_role(client_for: Any, world: World) -> None:
    add_group(world, "web", "maintainer", people=("vera",))
    add_group(world, "qa", "viewer", people=("vera",))
    [card] = client_for("vera").get("/").context["apps"]
    assert (card["role"], card["branch_count"]) == ("Maintainer", 2)


def test_query_count_is_constant(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        user = User.objects.create_user(f"{number}@example.org")
        Member.objects.create(app=world.app, user=user)
        add_group(world, f"group {number}", "viewer", people=("mia", "bob"))
    alice.get(MEMBERS)  # appends the audit links of the sign-in
    with django_assert_max_num_queries(10):
        assert alice.get(MEMBERS).status_code == 200
