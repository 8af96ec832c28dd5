"""The list of variables: the first row adds one, and rows are edited in place."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import clicks, count_clicks, value_of
from tests.factories import change_variable, set_variable, variable_row, variable_values
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/apps/d1shop/hosting/environment-variables/"
SAVED = "1 variable saved."


def edit_link(page: Page) -> Locator:
    return page.get_by_role("link", name="Edit API_URL on All branches")


def opened(page: Page) -> Locator:
    return page.get_by_role("form", name="Edit API_URL on All branches")


def shared(page: Page) -> Locator:
    return opened(page).get_by_role("group", name="API_URL, All branches")


def override(page: Page) -> Locator:
    return page.get_by_role("form", name="Override of API_URL")


def quick_add(page: Page) -> Locator:
    return page.get_by_role("form", name="Add a variable")


def test_it_works(alice: Page, world: World) -> None:
    count_clicks(alice)
    alice.goto(LIST)
    quick_add(alice).get_by_label("Variable", exact=True).click()
    alice.keyboard.type("API_URL")
    alice.keyboard.press("Tab")
    alice.keyboard.type("one")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text(SAVED)).to_be_visible()
    expect(quick_add(alice).get_by_label("Variable", exact=True)).to_be_focused()
    expect(quick_add(alice).get_by_label("Value", exact=True)).to_have_value("")
    assert clicks(alice) == 1
    expect(alice.locator("tbody tr")).to_contain_text("one")

    edit_link(alice).click()
    expect(value_of(shared(alice))).to_be_focused()
    expect(value_of(shared(alice))).to_have_value("one")
    value_of(shared(alice)).fill("two")
    alice.keyboard.press("Enter")
    expect(alice.locator('tr[id^="v-"]')).to_contain_text("two")
    expect(edit_link(alice)).to_be_focused()
    assert variable_values(world) == {("", "API_URL"): "two"}
    assert clicks(alice) == 2


def test_an_override_takes_two_clicks(alice: Page, world: World) -> None:
    set_variable(world, "API_URL", "one")
    count_clicks(alice)
    alice.goto(LIST)
    alice.get_by_label("More actions for API_URL on All branches").click()
    alice.get_by_role("link", name="Override on a branch").click()
    expect(override(alice).get_by_label("Branch")).to_be_focused()
    alice.keyboard.type("dev")
    alice.keyboard.press("Tab")
    alice.keyboard.type("for dev")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text(SAVED)).to_be_visible()
    expect(alice.locator("tbody tr")).to_have_count(2)
    assert clicks(alice) == 2
    assert variable_values(world)["dev", "API_URL"] == "for dev"
    assert variable_values(world)["", "API_URL"] == "one"


def test_a_conflict(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    set_variable(world, "API_URL", "one")
    alice.goto(LIST)
    edit_link(alice).click()
    expect(value_of(shared(alice))).to_have_value("one")
    change_variable(world, variable_row(world, "API_URL"), "theirs", by="mia")
    value_of(shared(alice)).fill("mine")
    alice.keyboard.press("Enter")
    expect(opened(alice)).to_contain_text("mia@example.org")
    expect(value_of(shared(alice))).to_have_value("mine")
    opened(alice).get_by_role("button", name="Keep their value").click()
    expect(opened(alice)).to_have_count(0)
    assert variable_values(world) == {("", "API_URL"): "theirs"}


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    set_variable(world, "API_URL", "one")
    alice = open_page(user=world.person("alice"), javascript=False)
    alice.goto(LIST)
    quick_add(alice).get_by_label("Variable", exact=True).fill("OTHER")
    quick_add(alice).get_by_label("Value", exact=True).fill("x")
    quick_add(alice).get_by_role("button", name="Add").click()
    expect(alice.get_by_text(SAVED)).to_be_visible()
    edit_link(alice).click()
    value_of(shared(alice)).fill("two")
    opened(alice).get_by_role("button", name="Save").click()
    expect(alice.get_by_text(SAVED)).to_be_visible()
    assert variable_values(world) == {("", "API_URL"): "two", ("", "OTHER"): "x"}
