"""The matrix is filtered by its keys, their kind, and chips that count what they leave."""

import csv
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.models import Branch
from tests.factories import connect, set_secret, set_variable
from tests.factories.compare import COMPARE, states
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

HTMX = {"hx-request": "true"}
EXPORT = f"{COMPARE}export/"


@pytest.fixture(autouse=True)
def keys(world: World) -> None:
    """Set keys in every constellation."""
    set_secret(world, "SHARED")
    set_secret(world, "OVERRIDDEN")
    set_secret(world, "OVERRIDDEN", branch=world.dev)
    set_variable(world, "ON_MAIN", branch=world.main)
    set_variable(world, "ON_DEV", branch=world.dev)


def counts(response: Any) -> dict[str, int]:
    return {chip.label: chip.count for chip in response.context["chips"]}


def test_it_works(alice: Client) -> None:
    response = alice.get(COMPARE)
    assert counts(response) == {
        "Missing on main": 1,
        "Missing anywhere": 2,
        "Different from main": 0,
        "Overrides": 1,
        "On one branch only": 2,
        "Pending": 0,
        "Changed in 24 hours": 4,
    }
    assert "Pending <span" not in response.text  # a chip that would leave nothing


@pytest.mark.parametrize(
    ("label", "left"),
    [
        ("Missing on main", {"ON_DEV"}),
        ("Missing anywhere", {"ON_DEV", "ON_MAIN"}),
        ("Overrides", {"OVERRIDDEN"}),
        ("On one branch only", {"ON_DEV", "ON_MAIN"}),
    ],
)
def test_chips_are_links(alice: Client, label: str, left: set[str]) -> None:
    [chip] = [chip for chip in alice.get(COMPARE).context["chips"] if chip.label == label]
    response = alice.get(f"{COMPARE}{chip.address}")
    assert set(states(response)) == left
    assert "aria-current" in response.text
    [active] = [chip for chip in response.context["chips"] if chip.is_current]
    assert set(states(alice.get(f"{COMPARE}{active.address}"))) > left  # the same link removes it


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({"q": "over"}, {"OVERRIDDEN"}),
        ({"kind": "variable"}, {"ON_DEV", "ON_MAIN"}),
        ({"kind": "variable", "q": "main"}, {"ON_MAIN"}),
        ({"kind": "nonsense"}, set()),
        ({"show": "nonsense", "since": "nonsense"}, {"SHARED", "OVERRIDDEN", "ON_DEV", "ON_MAIN"}),
        ({"q": "\0"}, set()),
    ],
)
def test_search(alice: Client, query: dict[str, str], left: set[str]) -> None:
    assert set(states(alice.get(COMPARE, query))) == left


def test_chips_keep_the_search_and_count_its_rows(alice: Client) -> None:
    response = alice.get(COMPARE, {"q": "ON_", "since": "30"})
    assert counts(response)["Missing anywhere"] == 2
    assert counts(response)["Overrides"] == 0
    assert response.context["chips"][0].address == "?q=ON_&show=missing-production&since=30"


def test_a_chip_that_leaves_nothing_stays_while_it_is_set(alice: Client) -> None:
    response = alice.get(COMPARE, {"show": "overrides", "q": "ON_"})
    assert states(response) == {}
    assert "Overrides" in response.text
    assert "No key matches “ON_” with this filter." in response.text


def test_a_fragment_has_the_matrix_and_the_address_of_the_file(alice: Client) -> None:
    fragment = alice.get(COMPARE, {"q": "shared"}, headers=HTMX).text
    assert "<html" not in fragment
    assert "SHARED" in fragment
    assert f'{EXPORT}?q=shared"' in fragment
    assert "hx-swap-oob" in fragment
    assert "hx-swap-oob" not in alice.get(COMPARE).text


def test_a_connected_app(world: World, alice: Client, amplify: AmplifyServer) -> None:
    connect(world, amplify)
    response = alice.get(COMPARE)
    assert counts(response)["Changed since the last deployment"] == 0
    assert response.context["query"].period == "since the last deployment"


def test_no_production_branch(alice: Client) -> None:
    Branch.objects.update(production=False)
    assert next(iter(counts(alice.get(COMPARE)))) == "Missing anywhere"


def test_the_states_as_a_file(world: World, client_for: Callable[[str], Client]) -> None:
    Branch.objects.create(app=world.app, name="=cmd()")
    response = client_for("vera").get(EXPORT, {"q": "ON_MAIN"})
    assert response["Content-Disposition"] == 'attachment; filename="states-d1shop.csv"'
    [head, row] = csv.reader(response.text.removeprefix("\ufeff").splitlines())
    assert head == ["Kind", "Key", "All branches", "main", "'=cmd()", "dev"]
    assert row == ["variable", "ON_MAIN", "Not set", "Own, changed", "Missing", "Missing"]
