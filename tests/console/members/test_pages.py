"""The page of members: roles given, changed and taken away."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from console.models import Member, User
from tests.console.members.conftest import MEMBERS, Team, messages, trail
from tests.console.pages.conftest import errors
from tests.fixtures.people import World

LAST = "This is the app's last owner. Make someone else an owner first."


def test_it_works(alice: Client, team: Team, world: World) -> None:
    bob = team.give("bob", "developer")
    answer = alice.post(
        f"{MEMBERS}{bob.pk}/", {"role": "maintainer", "patterns": "main\r\n release/*\r\n"},
        follow=True,
    )  # fmt: skip
    assert answer.redirect_chain == [(MEMBERS, 302)]
    assert messages(answer) == ["Saved the role of bob@example.org."]
    rows = {row["name"]: row for row in answer.context["members"]}
    assert rows["bob@example.org"]["role"] == "Maintainer"
    assert rows["bob@example.org"]["patterns"] == ["main", "release/*"]
    assert trail("member.set") == [
        ("alice", "member.set", "bob@example.org: maintainer on main, release/*", "succeeded")
    ]


def test_the_list(alice: Client, team: Team) -> None:
    team.group("web", "developer", "feature/*", people=("charlie", "ivan"))
    text = alice.get(MEMBERS).text
    for words in ("alice@example.org", "web", "feature/*", "charlie@example.org", "(disabled)"):
        assert words in text
    assert text.index("alice@example.org") < text.index("Group")


def test_the_form_shows_what_is_there(alice: Client, team: Team) -> None:
    bob = team.give("bob", "maintainer", "main", "release/*")
    form = alice.get(f"{MEMBERS}{bob.pk}/").context["form"]
    assert (form["role"].value(), form["patterns"].value()) == ("maintainer", "main\nrelease/*")


@pytest.mark.parametrize(
    ("post", "field", "said"),
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
def test_what_a_role_can_be(
    alice: Client, team: Team, post: dict[str, str], field: str, said: str
) -> None:
    bob = team.give("bob", "viewer")
    answer = alice.post(f"{MEMBERS}{bob.pk}/", post)
    if not field:
        assert answer.status_code == 302
        return
    assert said in errors(answer)[field][0]
    assert team.role_of("bob") == "viewer"


def test_removing_somebody(alice: Client, team: Team) -> None:
    vera = team.give("vera", "viewer")
    url = f"{MEMBERS}{vera.pk}/remove/"
    assert "vera@example.org" in alice.get(url).text
    answer = alice.post(url, follow=True)
    assert answer.redirect_chain == [(MEMBERS, 302)]
    assert messages(answer) == ["vera@example.org was removed."]
    assert team.role_of("vera") == ""
    assert trail("member.remove") == [("alice", "member.remove", "vera@example.org", "succeeded")]


@pytest.mark.parametrize(("page", "post"), [("", {"role": "viewer"}), ("remove/", {})])
def test_the_last_owner_stays(alice: Client, team: Team, page: str, post: dict[str, str]) -> None:
    owner = team.give("alice", "owner")
    team.group("owners", "owner", people=("mia",))  # it may be empty tomorrow
    answer = alice.post(f"{MEMBERS}{owner.pk}/{page}", post)
    assert errors(answer)["__all__"] == [LAST]
    assert team.role_of("alice") == "owner"
    assert trail("member.set", "member.remove")[-1][3] == "failed"


def test_an_owner_leaves(alice: Client, team: Team) -> None:
    team.give("mia", "owner")
    owner = team.give("alice", "owner")
    assert alice.post(f"{MEMBERS}{owner.pk}/remove/")["Location"] == "/"
    assert alice.get("/apps/d1shop/").status_code == 404


def test_an_owner_lowers_himself(alice: Client, team: Team) -> None:
    team.give("mia", "owner")
    owner = team.give("alice", "owner")
    answer = alice.post(f"{MEMBERS}{owner.pk}/", {"role": "developer"}, follow=True)
    assert answer.redirect_chain == [("/apps/d1shop/", 302)]
    assert answer.status_code == 200
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
def test_a_refused_attempt_is_recorded(
    as_: Any, team: Team, world: World, name: str, page: str, action: str
) -> None:
    vera, bob = team.give("vera", "viewer"), world.person("bob")
    url = MEMBERS + page.format(vera=vera.pk, bob=bob.pk)
    assert as_(name).post(url, {"role": "owner"}).status_code == 403
    assert [entry[1:] for entry in trail()[1:]] == [(action, "", "denied")]  # after the sign-in
    assert team.role_of("vera") == "viewer"


def test_another_apps_member(alice: Client, world: World) -> None:
    world.person("oscar")
    foreign = Member.objects.get(app=world.other_app)
    for page in ("", "remove/"):
        assert alice.post(f"{MEMBERS}{foreign.pk}/{page}", {"role": "viewer"}).status_code == 404
    assert Member.objects.get(pk=foreign.pk).role == "owner"


def test_a_group_becomes_a_member(alice: Client, team: Team, world: World) -> None:
    group = Group.objects.create(name="web")
    group.user_set.add(world.person("charlie"))
    assert "Add group" in alice.get(MEMBERS).text
    post = {"group": group.pk, "role": "developer", "patterns": "dev"}
    answer = alice.post(f"{MEMBERS}group/", post, follow=True)
    assert messages(answer) == ["The group web is now a member."]
    assert team.access("charlie").role == "developer"
    assert "Add group" not in answer.text  # it was the only one
    assert errors(alice.post(f"{MEMBERS}group/", post))["group"]
    assert trail("member.set") == [
        ("alice", "member.set", "group web: developer on dev", "succeeded")
    ]


def test_a_group_goes(alice: Client, team: Team) -> None:
    team.group("web", "owner", people=("charlie",))
    row = Member.objects.get(group__name="web")
    assert alice.post(f"{MEMBERS}{row.pk}/remove/")["Location"] == f"{MEMBERS}left/"
    assert not Member.objects.filter(pk=row.pk).exists()
    assert Group.objects.filter(name="web").exists()


def test_apps_are_listed_once_with_the_strongest_role(as_: Any, team: Team, world: World) -> None:
    team.group("web", "maintainer", people=("vera",))
    team.group("qa", "viewer", people=("vera",))
    [card] = as_("vera").get("/").context["apps"]
    assert (card["role"], card["branch_count"]) == ("Maintainer", 2)


def test_queries_do_not_grow(alice: Client, team: Team, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        user = User.objects.create_user(f"{number}@example.org")
        Member.objects.create(app=team.world.app, user=user)
        team.group(f"group {number}", "viewer", people=("mia", "bob"))
    alice.get(MEMBERS)  # which seals what the sign-in recorded
    with django_assert_max_num_queries(9):
        assert alice.get(MEMBERS).status_code == 200
