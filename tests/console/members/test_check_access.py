"""The page "Check access" gives the same answer as every check, with the rules behind it."""

from typing import Any

import pytest
from django.test import Client

from console.access.policy import Permission
from console.models import Branch, User
from tests.factories import access_of, add_group, create_branch, set_role
from tests.fixtures.people import World

MEMBERS = "/apps/d1shop/settings/members/"
PAGE = f"{MEMBERS}decision/"


def check_access(client: Client, who: User, act: str, where: Branch | None = None) -> Any:
    """Return the page's answer: whether it is allowed, the question, and the rules."""
    response = client.get(PAGE, {"who": who.pk, "act": act, "where": where.pk if where else ""})
    assert response.status_code == 200
    context = response.context
    return context["allowed"], context["question"], context["rules"]


def test_it_works(alice: Client, world: World) -> None:
    bob = world.person("bob")
    assert "question" not in alice.get(PAGE).context
    assert check_access(alice, bob, "REVEAL", world.dev) == (
        True,
        "reveal secrets on dev",
        ["The role developer allows this.", "dev is not protected."],
    )
    assert check_access(alice, bob, "REVEAL", world.main) == (
        False,
        "reveal secrets on main",
        [
            "The role developer does not allow this on protected branches.",
            "main is protected: only maintainers and owners can edit or reveal values.",
        ],
    )


def test_role_through_a_group(alice: Client, world: World) -> None:
    add_group(world, "release", "maintainer", "release/*", people=("bob",))
    branch = create_branch(world, "release/1", protected=True)
    assert check_access(alice, world.person("bob"), "WRITE", branch)[2][0] == (
        "The role maintainer on release/*, through the group release allows this."
    )
    assert check_access(alice, world.person("bob"), "WRITE", world.main)[2] == [
        "The role maintainer on release/*, through the group release is limited to certain "
        "branches, and main is not one of them.",
        "The role developer does not allow this on protected branches.",
        "main is protected: only maintainers and owners can edit or reveal values.",
    ]


def test_all_branches(alice: Client, world: World) -> None:
    bob = world.person("bob")
    assert check_access(alice, bob, "WRITE")[2] == [
        "The role developer does not allow this on protected branches.",
        "All branches is protected because a branch of this app is.",
    ]
    Branch.objects.update(protected=False)
    assert check_access(alice, bob, "WRITE") == (
        True,
        "add, change and remove secrets and variables on All branches",
        [
            "The role developer allows this.",
            "All branches is not protected because no branch of this app is.",
        ],
    )
    set_role(world, "bob", "developer", "*")
    allowed, _, rules = check_access(alice, bob, "WRITE")
    assert not allowed
    assert "affect every branch, so they need a role without this limit" in rules[0]


def test_permissions_for_the_whole_app(alice: Client, world: World) -> None:
    vera = world.person("vera")
    assert check_access(alice, vera, "VIEW", world.main) == (
        True,
        "view keys, variables and activity",
        ["The role viewer allows this."],
    )
    assert check_access(alice, vera, "MANAGE")[2] == [
        "The role viewer does not allow this on any branch."
    ]
    assert check_access(alice, world.person("alice"), "MANAGE")[0]


def test_disabled_person(alice: Client, world: World) -> None:
    allowed, _, rules = check_access(alice, world.person("ivan"), "VIEW")
    assert (allowed, len(rules)) == (False, 1)
    assert "disabled" in rules[0]


@pytest.mark.parametrize("act", ["WRITE", "REVEAL"])
@pytest.mark.parametrize("name", ["alice", "mia", "bob", "vera"])
def test_answer_equals_the_check(alice: Client, world: World, name: str, act: str) -> None:
    add_group(world, "web", "developer", "feat/*", people=("vera",))
    create_branch(world, "feat/x")
    access = access_of(world, name)
    for branch in (None, *world.app.branches.all()):
        allowed = check_access(alice, world.person(name), act, branch)[0]
        assert allowed == access.may_on(Permission[act], branch), branch


@pytest.mark.parametrize(
    "query",
    [
        {"who": "999", "act": "VIEW"},
        {"who": "x", "act": "VIEW"},
        {"act": "VIEW"},
        {"who": "9" * 40, "act": "VIEW"},
        {"who": "{bob}", "act": "king"},
        {"who": "{bob}", "act": "WRITE", "where": "999"},
        {"who": "{bob}", "act": "WRITE", "where": "{other}"},
        {"who": "{charlie}", "act": "VIEW"},
    ],
)
def test_invalid_queries(alice: Client, world: World, query: dict[str, str]) -> None:
    ids = {
        "bob": world.person("bob").pk,
        "charlie": world.person("charlie").pk,
        "other": world.other_branch.pk,
    }
    response = alice.get(PAGE, {name: value.format(**ids) for name, value in query.items()})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert "question" not in response.context
    assert "charlie@example.org" not in response.text
