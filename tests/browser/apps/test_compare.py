"""The page that compares branches, in Chromium."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from console.models import Branch
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import clicks, count_clicks, set_secrets, stored_value
from tests.factories import set_variable
from tests.factories.compare import COMPARE, add_branches
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def branches(world: World) -> list[Branch]:
    """Add branches, and keys that some of them lack."""
    added = add_branches(world, 3)
    set_secrets(world, {"API_KEY": "k", "SHARED_LATER": "s"}, world.main)
    set_secrets(world, {"API_KEY": "other"}, added[1])
    set_secrets(world, {"SHARED": "s"})
    return added


def cells(page: Page, key: str) -> Locator:
    """Return the cells of a key."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=key)).locator("td")


def test_it_works(alice: Page, branches: list[Branch]) -> None:
    """One click shows which branches lack a key."""
    count_clicks(alice)
    alice.goto("/apps/d1shop/")
    alice.get_by_role("navigation", name="Shop").get_by_role("link", name="Compare").click()
    expect(cells(alice, "API_KEY")).to_have_text(
        ["Not set", "Own", "Missing", "Missing", "Own", "Missing"]
    )
    assert clicks(alice) == 1
    heads = alice.get_by_role("columnheader").locator("a")
    expect(heads).to_have_text(["All branches", "main", "dev", *(b.name for b in branches)])


def focused(page: Page) -> tuple[str, str, str]:
    """Return the key, branch and state of the cell that has the focus."""
    found = page.evaluate("""() => {
      const cell = document.activeElement.closest("td, th");
      const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
      const key = cell.parentElement.cells[0].querySelector("a");
      return [key?.innerText ?? "", head.querySelector("a")?.innerText ?? "", cell.innerText];
    }""")
    return tuple(found)  # type: ignore[return-value]  # of a list from JavaScript


def press(page: Page, *keys: str) -> None:
    """Press keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)


def test_the_keyboard(alice: Page, branches: list[Branch]) -> None:
    alice.goto(COMPARE)
    expect(alice.get_by_role("grid")).to_be_visible()
    assert alice.locator('.matrix [tabindex="0"]').count() == 1
    alice.locator("#since").focus()
    press(alice, "Tab")
    while alice.evaluate("!document.activeElement.closest('table')"):
        press(alice, "Tab")
    assert focused(alice) == ("API_KEY", "", "API_KEY")
    press(alice, "ArrowRight", "ArrowRight", "ArrowDown")
    assert focused(alice) == ("SHARED", "main", "Inherited")
    press(alice, "End", "ArrowRight")
    assert focused(alice) == ("SHARED", branches[-1].name, "Inherited")
    press(alice, "Control+Home", "ArrowRight")
    assert focused(alice)[1:] == ("All branches", "All branches\n1 value")
    press(alice, "Control+End", "Tab", "Shift+Tab")  # it is the tab stop now
    assert focused(alice) == ("SHARED_LATER", branches[-1].name, "Missing")
    press(alice, "PageUp", "ArrowDown", "Home", "Enter")
    expect(alice.get_by_role("heading", name="API_KEY")).to_be_visible()


@pytest.mark.exhaustive
def test_a_value_is_added_in_its_cell(alice: Page, branches: list[Branch]) -> None:
    alice.goto(COMPARE)
    cells(alice, "API_KEY").nth(2).get_by_role("link", name="Missing").click()
    form = alice.get_by_role("form", name="Add API_KEY on dev")
    expect(form.get_by_label("Value", exact=True)).to_be_focused()
    alice.get_by_role("searchbox").fill("API")  # the form stays with what was typed
    form.get_by_label("Value", exact=True).fill("for dev")
    expect(cells(alice, "SHARED")).to_have_count(0)
    form.get_by_label("Value", exact=True).press("Enter")
    expect(alice.get_by_text("1 secret saved.")).to_be_visible()
    expect(form).to_have_count(0)
    expect(cells(alice, "API_KEY").nth(2)).to_have_text("Own")
    assert focused(alice) == ("API_KEY", "dev", "Own")
    assert stored_value("/amplify/d1shop/dev/API_KEY") == "for dev"


def test_values_are_edited_in_their_cells(
    alice: Page, world: World, branches: list[Branch]
) -> None:
    set_variable(world, "API_URL", "https://example.org")
    alice.goto(COMPARE)
    own = cells(alice, "API_KEY").nth(1).locator("a")
    own.focus()
    press(alice, "e")
    form = alice.get_by_role("form", name="Edit API_KEY on main")
    expect(form.get_by_label("Value", exact=True)).to_be_focused()
    assert accessibility_problems(alice) == []
    press(alice, "Escape")
    expect(form).to_have_count(0)
    expect(own).to_be_focused()
    inherited = cells(alice, "API_URL").nth(2).locator("a")
    inherited.focus()
    press(alice, "F2")
    form = alice.get_by_role("form", name="Add API_URL on dev")
    form.get_by_label("Value", exact=True).fill("https://dev.example.org")
    press(alice, "Enter")
    expect(alice.get_by_text("1 variable saved.")).to_be_visible()
    expect(inherited).to_have_text("Own")
    expect(inherited).to_have_class(re.compile("differs"))
    expect(inherited).to_be_focused()


@pytest.mark.exhaustive
def test_a_filter_replaces_the_matrix(alice: Page, branches: list[Branch]) -> None:
    alice.goto(COMPARE)
    alice.get_by_role("searchbox").fill("later")
    expect(alice.get_by_role("link", name="Missing anywhere 1")).to_be_visible()
    alice.get_by_role("link", name="Missing anywhere 1").click()
    expect(alice.get_by_role("link", name="Missing anywhere 1")).to_have_attribute(
        "aria-current", "true"
    )
    alice.get_by_role("searchbox").fill("")  # the chip stays
    expect(cells(alice, "API_KEY")).to_have_count(6)
    expect(cells(alice, "SHARED").first).to_have_text("Not set")  # SHARED_LATER alone
    expect(alice).to_have_url(f"{COMPARE}?q=&kind=&since=1&show=missing")


@pytest.mark.exhaustive
def test_cells_are_selected_and_removed(alice: Page, branches: list[Branch]) -> None:
    alice.goto(COMPARE)
    bar = alice.get_by_role("region", name="Selected cells")
    button = bar.get_by_role("button", name="Remove")
    cells(alice, "SHARED_LATER").nth(1).locator("a").focus()
    press(alice, "Space", "ArrowUp", "Space")
    expect(bar.get_by_role("status")).to_have_text("2 cells selected on main")
    expect(button).to_be_hidden()  # main inherits one of the two
    press(alice, "ArrowUp", "Space", "ArrowDown", "Space")
    expect(button).to_be_visible()
    assert accessibility_problems(alice) == []
    button.press("Enter")
    expect(alice.get_by_text("2 values removed from main.")).to_be_visible()
    expect(cells(alice, "API_KEY").nth(1)).to_have_text("Missing")
    alice.get_by_role("button", name="Undo").click()
    expect(alice.get_by_text("Undid 2 changes.")).to_be_visible()
    assert stored_value("/amplify/d1shop/main/API_KEY") == "k"


def test_cells_are_selected_and_copied(alice: Page, world: World, branches: list[Branch]) -> None:
    alice.goto(COMPARE)
    bar = alice.get_by_role("region", name="Selected cells")
    expect(bar).to_be_hidden()
    cells(alice, "API_KEY").nth(1).locator("a").focus()
    press(alice, "Space", "Shift+ArrowDown", "Shift+ArrowDown")
    expect(bar.get_by_role("status")).to_have_text("3 cells selected on main")
    expect(alice.locator("[aria-selected=true]")).to_have_count(3)
    press(alice, "Escape")
    expect(bar).to_be_hidden()
    press(alice, "Space", "ArrowRight", "Space")  # dev misses it: nothing to select
    expect(bar.get_by_role("status")).to_have_text("1 cell selected on main")
    cells(alice, "API_KEY").nth(1).locator("a").click(modifiers=["Shift"])
    expect(bar.get_by_role("status")).to_have_text("3 cells selected on main")
    bar.get_by_text("Copy to").click()
    form = bar.get_by_role("form", name="Copy 3 values to")
    expect(form.get_by_role("checkbox", name="dev lacks 2")).to_be_checked()
    expect(form.get_by_role("checkbox", name="All branches")).not_to_be_checked()
    assert accessibility_problems(alice) == []
    form.get_by_role("button", name="Preview copies").click()
    expect(alice.get_by_role("heading", name="Copy values")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.get_by_role("button", name="Copy", exact=True).click()
    expect(alice.get_by_text(re.compile(r"Copied \d+ values"))).to_be_visible()
    expect(cells(alice, "API_KEY").nth(2)).to_have_text("Own")
    assert stored_value("/amplify/d1shop/dev/API_KEY") == "k"
