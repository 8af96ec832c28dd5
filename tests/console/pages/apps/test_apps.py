"""The list of apps: those of the user."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import App, Member
from tests.fixtures.people import World


def names(response: Any) -> list[str]:
    """Return the names of the apps on the page."""
    return [card["name"] for card in response.context["apps"]]


@pytest.fixture
def many(world: World) -> World:
    """Return a world in which alice is a member of several apps."""
    for number, name in enumerate(["Zebra", "anchor", "100% Cotton", "Under_score"]):
        app = App.objects.create(app_id=f"d9app{number}", name=name, region="us-east-1")
        Member.objects.create(app=app, user=world.person("alice"), role="viewer")
    return world


def test_it_works(alice: Client, world: World) -> None:
    response = alice.get("/")
    [card] = response.context["apps"]
    assert card == {
        "app_id": "d1shop",
        "name": "Shop",
        "repository": "",
        "role": "Owner",
        "branch_count": 2,
    }
    for words in ("All apps", "Shop", "d1shop", "Owner", "2 branches"):
        assert words in response.text
    assert "Other" not in names(response)


def test_deleted_branch_does_not_count(alice: Client, world: World) -> None:
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    assert alice.get("/").context["apps"][0]["branch_count"] == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [("charlie", "You are not a member of any app."), ("olga", "Create an app")],
)
def test_empty_list(client_for: Callable[[str], Client], name: str, says: str) -> None:
    response = client_for(name).get("/")
    assert names(response) == []
    assert "No apps yet" in response.text
    assert says in response.text


@pytest.mark.parametrize(("name", "may"), [("alice", False), ("charlie", False), ("olga", True)])
def test_only_operators_see_the_create_button(
    client_for: Callable[[str], Client], name: str, may: bool
) -> None:
    response = client_for(name).get("/")
    assert response.context["may_create"] is may
    assert ("/apps/new/" in response.text) is may


def test_query_count_is_constant(
    many: World, client_for: Callable[[str], Client], django_assert_max_num_queries: Any
) -> None:
    client = client_for("alice")
    with django_assert_max_num_queries(5):
        client.get("/")
