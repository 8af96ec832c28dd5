"""An app's overview: its id, the production branch and the others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from tests.fixtures.people import World

URL = "/apps/d1shop/"


def others(response: Any) -> list[str]:
    """Return the names of the other branches on the page."""
    return [branch.name for branch in response.context["others"]]


def test_it_works(alice: Client, world: World) -> None:
    response = alice.get(URL)
    assert response.context["production"] == world.main
    assert others(response) == ["dev"]
    for words in (
        "Shop",
        "App ID:",
        "d1shop",
        "Production branch",
        "main",
        "Other branches",
        "dev",
    ):
        assert words in response.text


@pytest.mark.parametrize(
    ("q", "found"),
    [("de", ["dev"]), ("DEV", ["dev"]), ("main", []), ("#", ["fix/#1 %_"]), ("%_", ["fix/#1 %_"])],
)
def test_search(alice: Client, world: World, q: str, found: list[str]) -> None:
    Branch.objects.create(app=world.app, name="fix/#1 %_")
    response = alice.get(URL, {"q": q})
    assert others(response) == found
    assert response.context["production"] == world.main  # still shown


def test_search_without_results(alice: Client) -> None:
    assert "No other branch matches “zz”." in alice.get(URL, {"q": "zz"}).text


def test_deleted_branch(alice: Client, world: World) -> None:
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    assert others(alice.get(URL)) == []


def test_no_production_branch(alice: Client, world: World) -> None:
    Branch.objects.update(production=False)
    response = alice.get(URL)
    assert response.context["production"] is None
    assert others(response) == ["dev", "main"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("alice", "Add the Git branches that Amplify deploys."), ("vera", "Ask an owner of the app")],
)
def test_no_branches(
    client_for: Callable[[str], Client], world: World, name: str, says: str
) -> None:
    world.app.branches.all().delete()
    response = client_for(name).get(URL)
    assert "No branches yet" in response.text
    assert says in response.text


@pytest.mark.parametrize(("name", "may"), [("alice", True), ("mia", False), ("vera", False)])
def test_only_owners_see_the_settings(
    client_for: Callable[[str], Client], name: str, may: bool
) -> None:
    response = client_for(name).get(URL)
    assert response.context["may_manage"] is may
    assert ("/apps/d1shop/settings/" in response.text) is may


def test_query_count_is_constant(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    Branch.objects.bulk_create(Branch(app=world.app, name=f"b{n}") for n in range(200))
    with django_assert_max_num_queries(6):
        assert len(others(alice.get(URL))) == 201
