""" "What may … do here?": the answer, and by which rule; the same that every check gives."""

from typing import Any

import pytest
from django.test import Client

from console.access.policy import Permission
from console.models import Branch, User
from tests.console.members.conftest import MEMBERS, Team
from tests.fixtures.people import World

PAGE = f"{MEMBERS}decision/"


def ask(client: Client, who: User, act: str, where: Branch | None = None) -> Any:
    """Return the page's answer: yes or no, and the rules."""
    answer = client.get(PAGE, {"who": who.pk, "act": act, "where": where.pk if where else ""})
    assert answer.status_code == 200
    context = answer.context
    return context["allowed"], context["question"], context["rules"]


def test_it_works(alice: Client, team: Team, world: World) -> None:
    bob = world.person("bob")
    assert "question" not in alice.get(PAGE).context
    assert ask(alice, bob, "REVEAL", world.dev) == (
        True,
        "reveal secrets on dev",
        ["The role developer allows this.", "dev is not protected."],
    )
    assert ask(alice, bob, "REVEAL", world.main) == (
        False,
        "reveal secrets on main",
        [
            "The role developer does not allow this on protected branches.",
            "main is protected: only maintainers and owners can edit or reveal values.",
        ],
    )


def test_by_a_group(alice: Client, team: Team, world: World) -> None:
    team.group("release", "maintainer", "release/*", people=("bob",))
    branch = team.branch("release/1", protected=True)
    assert ask(alice, world.person("bob"), "WRITE", branch)[2][0] == (
        "The role maintainer on release/*, through the group release allows this."
    )
    assert ask(alice, world.person("bob"), "WRITE", world.main)[2] == [
        "The role maintainer on release/*, through the group release is limited to certain "
        "branches, and main is not one of them.",
        "The role developer does not allow this on protected branches.",
        "main is protected: only maintainers and owners can edit or reveal values.",
    ]


def test_all_branches(alice: Client, team: Team, world: World) -> None:
    bob = world.person("bob")
    assert ask(alice, bob, "WRITE")[2] == [
        "The role developer does not allow this on protected branches.",
        "All branches is protected because a branch of this app is.",
    ]
    Branch.objects.update(protected=False)
    assert ask(alice, bob, "WRITE") == (
        True,
        "add, change and remove secrets and variables on All branches",
        [
            "The role developer allows this.",
            "All branches is not protected because no branch of this app is.",
        ],
    )
    team.give("bob", "developer", "*")
    allowed, _, rules = ask(alice, bob, "WRITE")
    assert not allowed
    assert "affect every branch, so they need a role without this limit" in rules[0]


def test_what_holds_for_the_whole_app(alice: Client, world: World) -> None:
    vera = world.person("vera")
    assert ask(alice, vera, "VIEW", world.main) == (
        True,
        "view keys, variables and activity",
        ["The role viewer allows this."],
    )
    assert ask(alice, vera, "MANAGE")[2] == ["The role viewer does not allow this on any branch."]
    assert ask(alice, world.person("alice"), "MANAGE")[0]


def test_a_disabled_person(alice: Client, world: World) -> None:
    allowed, _, rules = ask(alice, world.person("ivan"), "VIEW")
    assert (allowed, len(rules)) == (False, 1)
    assert "disabled" in rules[0]


@pytest.mark.parametrize("act", ["WRITE", "REVEAL"])
@pytest.mark.parametrize("name", ["alice", "mia", "bob", "vera"])
def test_it_is_what_the_console_does(
    alice: Client, team: Team, world: World, name: str, act: str
) -> None:
    team.group("web", "developer", "feat/*", people=("vera",))
    team.branch("feat/x")
    access = team.access(name)
    for branch in (None, *world.app.branches.all()):
        allowed = ask(alice, world.person(name), act, branch)[0]
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
def test_nonsense(alice: Client, world: World, query: dict[str, str]) -> None:
    ids = {
        "bob": world.person("bob").pk,
        "charlie": world.person("charlie").pk,
        "other": world.other_branch.pk,
    }
    answer = alice.get(PAGE, {name: value.format(**ids) for name, value in query.items()})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert "question" not in answer.context
    assert "charlie@example.org" not in answer.text
