"""An app's front page: its id, its production branch and the others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from tests.fixtures.people import World

URL = "/apps/d1shop/"


def others(answer: Any) -> list[str]:
    """Return the other branches on the page."""
    return [branch.name for branch in answer.context["others"]]


def test_it_works(alice: Client, world: World) -> None:
    answer = alice.get(URL)
    assert answer.context["production"] == world.main
    assert others(answer) == ["dev"]
    for words in (
        "Shop",
        "App ID:",
        "d1shop",
        "Production branch",
        "main",
        "Other branches",
        "dev",
    ):
        assert words in answer.text


@pytest.mark.parametrize(
    ("q", "found"),
    [("de", ["dev"]), ("DEV", ["dev"]), ("main", []), ("#", ["fix/#1 %_"]), ("%_", ["fix/#1 %_"])],
)
def test_search(alice: Client, world: World, q: str, found: list[str]) -> None:
    Branch.objects.create(app=world.app, name="fix/#1 %_")
    answer = alice.get(URL, {"q": q})
    assert others(answer) == found
    assert answer.context["production"] == world.main  # it stays


def test_a_search_that_finds_nothing(alice: Client) -> None:
    assert "No other branch matches “zz”." in alice.get(URL, {"q": "zz"}).text


def test_a_deleted_branch_is_not_here(alice: Client, world: World) -> None:
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    assert others(alice.get(URL)) == []


def test_without_a_production_branch(alice: Client, world: World) -> None:
    Branch.objects.update(production=False)
    answer = alice.get(URL)
    assert answer.context["production"] is None
    assert others(answer) == ["dev", "main"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("alice", "Add the Git branches that Amplify deploys."), ("vera", "Ask an owner of the app")],
)
def test_an_app_without_branches_leads_on(
    as_: Callable[[str], Client], world: World, name: str, says: str
) -> None:
    world.app.branches.all().delete()
    answer = as_(name).get(URL)
    assert "No branches yet" in answer.text
    assert says in answer.text


@pytest.mark.parametrize(("name", "may"), [("alice", True), ("mia", False), ("vera", False)])
def test_only_an_owner_is_shown_the_settings(
    as_: Callable[[str], Client], name: str, may: bool
) -> None:
    answer = as_(name).get(URL)
    assert answer.context["may_manage"] is may
    assert ("/apps/d1shop/settings/" in answer.text) is may


def test_many_branches_cost_no_more_queries(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    Branch.objects.bulk_create(Branch(app=world.app, name=f"b{n}") for n in range(200))
    with django_assert_max_num_queries(6):
        assert len(others(alice.get(URL))) == 201
