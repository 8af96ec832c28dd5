"""All apps: what one is a member of, and a search."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import App, Member
from tests.fixtures.people import World


def names(answer: Any) -> list[str]:
    """Return the apps on the page."""
    return [card["name"] for card in answer.context["apps"]]


@pytest.fixture
def many(world: World) -> World:
    """Return a world in which alice is a member of several apps."""
    for number, name in enumerate(["Zebra", "anchor", "100% Cotton", "Under_score"]):
        app = App.objects.create(app_id=f"d9app{number}", name=name, region="us-east-1")
        Member.objects.create(app=app, user=world.person("alice"), role="viewer")
    return world


def test_it_works(alice: Client, world: World) -> None:
    answer = alice.get("/")
    [card] = answer.context["apps"]
    assert card == {
        "app_id": "d1shop",
        "name": "Shop",
        "repository": "",
        "role": "Owner",
        "branch_count": 2,
    }
    for words in ("All apps", "Shop", "d1shop", "Owner", "2 branches"):
        assert words in answer.text
    assert "Other" not in names(answer)


def test_a_deleted_branch_does_not_count(alice: Client, world: World) -> None:
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    assert alice.get("/").context["apps"][0]["branch_count"] == 1


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("shop", ["Shop"]),
        ("SHO", ["Shop"]),
        ("d1sho", ["Shop"]),
        ("d9app", ["100% Cotton", "Under_score", "Zebra", "anchor"]),
        ("%", ["100% Cotton"]),
        ("_", ["Under_score"]),
        (" zebra ", ["Zebra"]),
        ("d2other", []),
        ("nothing", []),
        ("\0", ["100% Cotton", "Shop", "Under_score", "Zebra", "anchor"]),
        ("x" * 5000, []),
    ],
)
def test_search(many: World, as_: Callable[[str], Client], q: str, found: list[str]) -> None:
    answer = as_("alice").get("/", {"q": q})
    assert answer.status_code == 200
    assert sorted(names(answer)) == found


def test_a_search_that_finds_nothing_leads_back(alice: Client) -> None:
    answer = alice.get("/", {"q": "<nothing>"})
    assert "No app matches “&lt;nothing&gt;”" in answer.text
    assert "Clear the search" in answer.text


@pytest.mark.parametrize(
    ("name", "says"),
    [("charlie", "You are not a member of any app."), ("olga", "Create an app")],
)
def test_an_empty_list_leads_on(as_: Callable[[str], Client], name: str, says: str) -> None:
    answer = as_(name).get("/")
    assert names(answer) == []
    assert "No apps yet" in answer.text
    assert says in answer.text


@pytest.mark.parametrize(("name", "may"), [("alice", False), ("charlie", False), ("olga", True)])
def test_only_an_operator_is_shown_the_way_to_create_one(
    as_: Callable[[str], Client], name: str, may: bool
) -> None:
    answer = as_(name).get("/")
    assert answer.context["may_create"] is may
    assert ("/apps/new/" in answer.text) is may


def test_many_apps_cost_no_more_queries(
    many: World, as_: Callable[[str], Client], django_assert_max_num_queries: Any
) -> None:
    client = as_("alice")
    with django_assert_max_num_queries(5):
        client.get("/")
