"""A row of the list of secrets is edited in place: a new value, or an override on a branch.

What was typed stays nowhere (guarantee 5).
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import (
    LIST,
    SHARED,
    browser_storage,
    clicks,
    count_clicks,
    expect_saved,
    follow,
    set_secrets,
    stored_value,
    value_of,
    wait_for_reconcile,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ON_DEV = "/amplify/d1shop/dev/API_KEY"
FIELDS = "[...document.querySelectorAll('input, textarea')].map((it) => it.value).join()"


@pytest.fixture
def page(alice: Page, world: World) -> Page:
    """Open the list with the secret API_KEY for All branches."""
    set_secrets(world, {"API_KEY": "first"})
    count_clicks(alice)
    alice.goto(LIST)
    wait_for_reconcile(alice)
    return alice


def edit_link(page: Page) -> Locator:
    return page.get_by_role("link", name="Edit API_KEY on All branches")


def opened(page: Page) -> Locator:
    return page.get_by_role("form", name="Edit API_KEY on All branches")


def new_value(page: Page) -> Locator:
    return value_of(opened(page).get_by_role("group", name="API_KEY, All branches"))


def override(page: Page) -> Locator:
    return page.get_by_role("form", name="Override of API_KEY")


def ask_for_override(page: Page) -> None:
    page.get_by_label("More actions for API_KEY on All branches").click()
    page.get_by_role("link", name="Override on a branch").click()
    expect(override(page).get_by_label("Branch")).to_be_focused()


def test_it_works(page: Page) -> None:
    edit_link(page).click()
    expect(new_value(page)).to_be_focused()
    expect(new_value(page)).to_have_value("")
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    expect_saved(page, 1)
    expect(opened(page)).to_have_count(0)
    expect(edit_link(page)).to_be_focused()
    assert clicks(page) == 1
    assert stored_value(f"{SHARED}/API_KEY") == "second"


def test_the_row_stays(page: Page, world: World) -> None:
    """The value's cell becomes the field; key and branch are not repeated, and nothing moves."""
    row = page.locator("tr", has=page.get_by_role("link", name="API_KEY", exact=True))
    key = row.get_by_role("link", name="API_KEY", exact=True)
    before = key.bounding_box()
    edit_link(page).click()
    expect(new_value(page)).to_be_focused()
    after, field = key.bounding_box(), new_value(page).bounding_box()
    assert before == after
    assert before is not None
    assert field is not None
    assert field["x"] == before["x"]
    expect(row).to_contain_text("Version 1")
    for control in (row.get_by_label("Reveal API_KEY"), edit_link(page)):
        expect(control).to_be_hidden()
    for field_of_row in (".cell-key", ".cell-branch", ".cell-end"):
        expect(opened(page).locator(field_of_row)).to_be_hidden()
    new_value(page).fill("typed")
    key.click()  # the details are below the form
    expect(page.locator(".detail-row")).to_be_visible()
    expect(page.locator(".editing-row + .detail-row")).to_have_count(1)
    key.click()
    expect(page.locator(".detail-row")).to_have_count(0)
    set_secrets(world, {"OTHER": "first"})
    page.get_by_role("link", name="Variable", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_text("Variable")
    expect(row).to_contain_text("Version 1")
    expect(new_value(page)).to_have_value("typed")
    page.get_by_label("More actions for OTHER on All branches").click()
    expect(page.locator(".row-menu[open]")).to_be_visible()  # it asks nothing about what was typed
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    new_value(page).press("Escape")
    expect(edit_link(page)).to_be_focused()
    expect(row).not_to_contain_text("Version 1")


def test_an_override_takes_two_clicks(page: Page) -> None:
    ask_for_override(page)
    page.keyboard.type("dev")
    page.keyboard.press("Tab")
    page.keyboard.type("for dev")
    page.keyboard.press("Enter")
    expect_saved(page, 1)
    expect(page.locator("tbody tr")).to_have_count(2)
    assert clicks(page) == 2
    assert stored_value(ON_DEV) == "for dev"
    assert stored_value(f"{SHARED}/API_KEY") == "first"
    ask_for_override(page)
    options = override(page).get_by_label("Branch").locator("option")
    expect(options).to_have_text(["Choose a branch", "main"])


@pytest.mark.exhaustive
def test_the_filter_chooses_the_branch_of_an_override(page: Page, world: World) -> None:
    page.goto(f"{LIST}?branch={world.dev.pk}")
    ask_for_override(page)
    expect(override(page).get_by_label("Branch")).to_have_value(str(world.dev.pk))
    value_of(override(page)).fill("for dev")
    page.keyboard.press("Enter")
    expect_saved(page, 1)
    assert stored_value(ON_DEV) == "for dev"


@pytest.mark.exhaustive
def test_an_override_needs_a_branch(page: Page, complaints: Any) -> None:
    complaints.expect("422")
    ask_for_override(page)
    value_of(override(page)).fill("for dev")
    page.keyboard.press("Enter")
    expect(override(page)).to_contain_text("Choose a branch for this override.")
    expect(override(page).get_by_label("Branch")).to_be_focused()
    expect(value_of(override(page))).to_have_value("for dev")
    assert stored_value(f"{SHARED}/API_KEY") == "first"


@pytest.mark.exhaustive
def test_escape_returns_to_the_row(page: Page) -> None:
    edit_link(page).click()
    new_value(page).fill("typed")
    page.keyboard.press("Escape")
    expect(opened(page)).to_have_count(0)
    expect(edit_link(page)).to_be_focused()
    edit_link(page).click()
    expect(new_value(page)).to_have_value("")
    opened(page).get_by_role("link", name="Cancel").click()
    expect(edit_link(page)).to_be_focused()
    assert stored_value(f"{SHARED}/API_KEY") == "first"


def test_the_value_stays_nowhere(page: Page) -> None:
    edit_link(page).click()
    new_value(page).press_sequentially("CANARY")
    page.keyboard.press("Enter")
    expect_saved(page, 1)
    assert "CANARY" not in page.evaluate(FIELDS) + page.content() + browser_storage(page)
    edit_link(page).click()
    new_value(page).press_sequentially("x")
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert "CANARY" not in page.evaluate(FIELDS) + page.content()


@pytest.mark.exhaustive
def test_what_cannot_be_seen(page: Page) -> None:
    edit_link(page).click()
    new_value(page).fill("second\n")
    expect(opened(page)).to_contain_text("The value ends with a line break.")
    opened(page).get_by_role("button", name="Remove it").click()
    page.keyboard.press("Enter")
    expect_saved(page, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "second"


def test_revealing_in_the_form(page: Page) -> None:
    edit_link(page).click()
    opened(page).get_by_role("button", name="Show the value").first.click()
    expect(new_value(page)).to_have_value("first")
    page.keyboard.press("Escape")
    page.locator("tbody").get_by_role("button", name="Reveal API_KEY").click()
    expect(page.get_by_label("Value of API_KEY", exact=True)).to_have_text("first")


@pytest.mark.parametrize(
    ("button", "left"),
    [
        pytest.param("Keep their value", "theirs", marks=pytest.mark.exhaustive),
        ("Overwrite", "mine"),
    ],
)
def test_a_conflict(page: Page, world: World, complaints: Any, button: str, left: str) -> None:
    complaints.expect("422")
    edit_link(page).click()
    expect(new_value(page)).to_be_focused()
    set_secrets(world, {"API_KEY": "theirs"}, by="mia")
    new_value(page).fill("mine")
    page.keyboard.press("Enter")
    expect(opened(page)).to_contain_text("mia@example.org changed this secret")
    expect(new_value(page)).to_have_value("mine")
    opened(page).get_by_role("button", name=button).click()
    expect(opened(page)).to_have_count(0)
    assert stored_value(f"{SHARED}/API_KEY") == left


@pytest.mark.exhaustive
def test_sorting_keeps_what_was_typed(page: Page) -> None:
    edit_link(page).click()
    new_value(page).fill("second")
    page.get_by_role("link", name="Variable", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_text("Variable")
    expect(new_value(page)).to_have_value("second")
    page.get_by_label("Search variables").fill("NOTHING")
    expect(page.get_by_text("No records to display")).to_be_visible()
    expect(new_value(page)).to_have_value("second")
    expect(page.locator(".editing-row")).to_have_count(0)  # it is above the list
    page.get_by_label("Search variables").fill("API")
    expect(page.locator(".editing-row")).to_have_count(1)  # and returns to its row
    expect(new_value(page)).to_have_value("second")
    new_value(page).press("Enter")
    expect_saved(page, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "second"


@pytest.mark.exhaustive
def test_it_is_accessible(page: Page) -> None:
    edit_link(page).click()
    new_value(page).fill("second\n")
    expect(opened(page)).to_contain_text("The value ends with a line break.")
    assert accessibility_problems(page) == []
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert accessibility_problems(page) == []


def test_leaving_asks_first(page: Page) -> None:
    edit_link(page).click()
    new_value(page).fill("typed")
    page.get_by_role("link", name="Manage secrets").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 unsaved change")
    page.get_by_role("button", name="Stay").click()
    expect(new_value(page)).to_have_value("typed")


@pytest.mark.exhaustive
def test_a_developer_overrides_what_is_locked(world: World, open_page: Callable[..., Page]) -> None:
    set_secrets(world, {"API_KEY": "first"})
    bob = open_page(user=world.person("bob"))
    bob.goto(LIST)
    wait_for_reconcile(bob)
    edit_link(bob).click()
    expect(override(bob).get_by_label("Branch")).to_be_focused()
    expect(opened(bob)).to_have_count(0)
    override(bob).get_by_label("Branch").select_option(label="dev")
    value_of(override(bob)).fill("for dev")
    override(bob).get_by_role("button", name="Save").click()
    expect_saved(bob, 1)
    assert stored_value(ON_DEV) == "for dev"


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    set_secrets(world, {"API_KEY": "first"})
    alice = open_page(user=world.person("alice"), javascript=False)
    alice.goto(LIST)
    follow(edit_link(alice))
    new_value(alice).fill("second")  # the override, left blank, is not saved
    opened(alice).get_by_role("button", name="Save").click()
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "second"
    follow(edit_link(alice))
    offered = alice.get_by_role("group", name="Override of API_KEY")
    value_of(offered).fill("for dev")
    offered.get_by_label("Branch").select_option(label="dev")
    opened(alice).get_by_role("button", name="Save").click()
    expect_saved(alice, 1)
    assert stored_value(ON_DEV) == "for dev"
    assert stored_value(f"{SHARED}/API_KEY") == "second"


@pytest.mark.exhaustive
def test_on_its_own_page(page: Page) -> None:
    page.goto(edit_link(page).evaluate("(link) => link.href"))
    new_value(page).fill("second")
    new_value(page).press("Enter")
    expect_saved(page, 1)
    expect(edit_link(page)).to_be_visible()
    assert stored_value(f"{SHARED}/API_KEY") == "second"
