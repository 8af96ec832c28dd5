"""Branches are listed in natural order, pr-2 before pr-10, wherever there are several."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.environment.sources import sources
from console.models import Branch
from tests.factories import access_of, create_branch, set_secret, set_variable
from tests.fixtures.people import World

ORDER = ["dev", "Main-2", "main-10", "pr-2", "pr-10", "pr-100"]
SELECTS = [
    "hosting/secrets/",
    "hosting/secrets/manage/",
    "hosting/environment-variables/",
    "hosting/environment-variables/manage/",
    "hosting/environment-variables/copy/",
    "hosting/environment-variables/download/",
    "hosting/build-settings/",
    "settings/members/decision/",
]


@pytest.fixture
def branches(world: World) -> list[Branch]:
    """Return branches with a secret and a variable each, in their order."""
    world.main.delete()
    rows = {name: create_branch(world, name) for name in reversed(ORDER[1:])} | {"dev": world.dev}
    for name in ORDER:
        set_secret(world, "API_KEY", branch=rows[name])
        set_variable(world, "API_URL", branch=rows[name])
    set_variable(world, "API_URL")
    return [rows[name] for name in ORDER]


def in_order(text: str) -> list[str]:
    """Return the branches' names as a text shows them, each once."""
    found = re.findall(rf"\b(?:{'|'.join(map(re.escape, ORDER))})\b(?!-)", text)
    return [*dict.fromkeys(found)]


def test_it_works(alice: Client, branches: list[Branch]) -> None:
    page = alice.get("/apps/d1shop/settings/branches/")
    assert [branch.name for branch in page.context["branches"]] == ORDER
    page = alice.get("/apps/d1shop/")
    assert [card.branch.name for card in page.context["overview"].cards] == ORDER


def test_selects(alice: Client, branches: list[Branch]) -> None:
    for path in SELECTS:
        text = alice.get(f"/apps/d1shop/{path}").text
        selects = [
            names
            for select in re.findall(r"<select.*?</select>", text, re.DOTALL)
            if (names := in_order(select))
        ]
        assert selects, path
        assert all(names == ORDER for names in selects), path


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["secrets", "environment-variables"])
def test_lists(alice: Client, branches: list[Branch], path: str) -> None:
    for sort in ("branch", "-branch", "variable", "-variable"):
        page = alice.get(f"/apps/d1shop/hosting/{path}/", {"sort": sort})
        names = [row.branch for row in page.context["listing"].rows if row.branch_id]
        assert names == (ORDER[::-1] if sort == "-branch" else ORDER), sort


@pytest.mark.parametrize("noun", ["secret", "variable"])
def test_commands(world: World, branches: list[Branch], manage: Any, noun: str) -> None:
    args = (noun, "list", "--app", "d1shop", "--as", "alice@example.org", "--format", "json")
    rows = json.loads(manage(*args).out)
    assert [row["branch"] for row in rows if row["branch"]] == ORDER


def test_overrides_of_a_variable(alice: Client, world: World, branches: list[Branch]) -> None:
    [row] = world.app.variables.filter(branch=None)
    page = alice.get(f"/apps/d1shop/hosting/environment-variables/{row.pk}/")
    assert [one.branch.name for one in page.context["overrides"]] == ORDER
    page = alice.get("/apps/d1shop/hosting/environment-variables/?branch=all")
    assert page.context["listing"].rows[0].overrides == ", ".join(ORDER)


def test_suggestions_in_the_activity(alice: Client, branches: list[Branch]) -> None:
    names = alice.get("/apps/d1shop/activity/").context["branches"]
    assert [name for name in names if name in ORDER] == ORDER


@pytest.mark.both_databases
def test_services_and_the_admin(olga: Client, world: World, branches: list[Branch]) -> None:
    assert [branch.name for branch in access_of(world, "vera").branches] == ORDER
    assert [branch.name for branch in Branch.objects.filter(app=world.app)] == ORDER
    assert len(sources()) == 2
    text = olga.get("/admin/console/branch/?app__id__exact=" + str(world.app.pk)).text
    assert in_order(text.partition("result_list")[2]) == ORDER


@pytest.mark.both_databases
def test_a_renamed_branch(world: World, branches: list[Branch]) -> None:
    branches[0].name = "pr-3"
    branches[0].save()
    assert [branch.name for branch in Branch.objects.filter(app=world.app)][2:5] == [
        "pr-2",
        "pr-3",
        "pr-10",
    ]


def test_number_of_queries(alice: Client, branches: list[Branch]) -> None:
    with CaptureQueriesContext(connection) as queries:
        alice.get("/apps/d1shop/settings/branches/")
    assert sum("console_branch" in query["sql"] for query in queries) == 1
