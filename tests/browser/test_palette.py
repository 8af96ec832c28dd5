"""The palette: search from any page without a mouse, and the same page without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import ALL_RULES, AXE, violations
from tests.browser.steps import LIST, MANAGE, set_secrets
from tests.factories import set_variable
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHORTCUT = "Control+k"


def field(page: Page) -> Locator:
    """Return the palette's field."""
    return page.get_by_role("combobox", name="Search or jump to")


def option(page: Page, name: str) -> Locator:
    """Return a result."""
    return page.get_by_role("option", name=name)


def expect_selected(page: Page, name: str) -> None:
    """Wait until a result is the one that Enter opens, for assistive technology too."""
    chosen = page.get_by_role("option", name=name, selected=True)
    expect(chosen).to_have_count(1)
    pk = chosen.get_attribute("id") or ""
    expect(field(page)).to_have_attribute("aria-activedescendant", pk)
    expect(field(page)).to_be_focused()


def test_it_works(alice: Page, world: World) -> None:
    set_secrets(world, {"STRIPE_KEY": "value"})
    set_secrets(world, {"STRIPE_KEY": "value"}, world.dev)
    set_variable(world, "STRIPE_MODE", "test")
    alice.goto("/apps/d1shop/activity/")
    search = alice.get_by_label("Search activity")
    search.focus()
    alice.keyboard.press(SHORTCUT)
    expect(field(alice)).to_be_focused()
    expect_selected(alice, "Overview")  # pages, before anything is typed
    alice.keyboard.type("stripe")
    expect_selected(alice, "STRIPE_KEY Secret: All branches, dev")
    expect(field(alice)).to_have_attribute("aria-expanded", "true")
    expect(alice.locator("#palette-status")).to_have_text("6 results")
    alice.keyboard.press("ArrowDown")
    expect_selected(alice, "STRIPE_MODE")
    alice.keyboard.press("ArrowUp")
    alice.keyboard.press("ArrowUp")  # from the first to the last
    expect_selected(alice, "Add variable stripe")
    alice.evaluate(AXE)
    assert violations(alice, "with the palette", ALL_RULES) == []
    alice.keyboard.press("Escape")
    expect(field(alice)).to_be_hidden()
    expect(search).to_be_focused()
    alice.keyboard.press(SHORTCUT)
    expect(field(alice)).to_have_value("")
    alice.keyboard.type("stripe_m")
    alice.keyboard.press("Enter")  # before the results are there
    expect(alice.get_by_role("heading", name="STRIPE_MODE")).to_be_visible()


def test_adding_what_is_not_there(alice: Page, world: World) -> None:
    alice.goto("/apps/d1shop/")
    alice.keyboard.press(SHORTCUT)
    alice.keyboard.type("NEW_KEY")
    expect(alice.locator("#palette-results")).to_contain_text("No matches for “NEW_KEY”")
    expect(alice.locator("#palette-status")).to_have_text("No matches for “NEW_KEY”")
    expect_selected(alice, "Add secret NEW_KEY")
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("heading", name="Secret management")).to_be_visible()
    alice.wait_for_load_state()
    expect(alice.locator("#add-value")).to_be_focused()
    alice.keyboard.type("value")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("1 secret saved.")).to_be_visible()
    assert world.app.secrets.get().key == "NEW_KEY"


@pytest.mark.exhaustive
def test_override(alice: Page, world: World) -> None:
    set_secrets(world, {"API_KEY": "value"})
    alice.goto(LIST)
    alice.keyboard.press(SHORTCUT)
    alice.keyboard.type("api_key")
    option(alice, "Override API_KEY on a branch").click()
    expect(alice.get_by_role("group", name="Override of API_KEY")).to_be_visible()
    expect(alice.get_by_label("Branch", exact=True)).to_be_focused()


def test_unsaved_work(alice: Page, world: World) -> None:
    alice.goto(f"{MANAGE}?new=1")
    alice.get_by_label("Variable", exact=True).fill("TYPED")
    alice.keyboard.press(SHORTCUT)
    alice.keyboard.type("Members")
    expect_selected(alice, "Members")
    alice.keyboard.press("Enter")
    dialog = alice.get_by_role("dialog", name="Leave without saving?")
    expect(dialog).to_contain_text("1 unsaved change")
    alice.keyboard.press(SHORTCUT)  # the palette doesn't open on top
    expect(field(alice)).to_be_hidden()
    dialog.get_by_role("button", name="Leave").click()
    expect(alice.get_by_role("heading", name="Members")).to_be_visible()


@pytest.mark.exhaustive
def test_new_tab(alice: Page, world: World) -> None:
    alice.goto("/")
    alice.get_by_role("link", name="Search or jump to").click()
    alice.keyboard.type("Sessions")
    expect_selected(alice, "Sessions")
    with alice.context.expect_page() as opened:
        alice.keyboard.press("Control+Enter")
    expect(opened.value.get_by_role("heading", name="Sessions")).to_be_visible()
    expect(field(alice)).to_be_focused()


def test_signed_out(alice: Page, world: World) -> None:
    alice.goto("/")
    alice.context.clear_cookies()
    alice.keyboard.press(SHORTCUT)
    expect(alice.get_by_text("You are signed out.")).to_be_visible()
    expect(field(alice)).to_be_hidden()


def test_on_a_mac(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(user=world.person("alice"), agent="Mozilla/5.0 (Macintosh) Safari/605")
    page.goto("/")
    expect(page.locator("#jump kbd")).to_have_text("⌘K")
    page.keyboard.press(SHORTCUT)  # deletes to the end of the line there
    expect(field(page)).to_be_hidden()
    page.keyboard.press("Meta+k")
    expect(field(page)).to_be_focused()


def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    set_secrets(world, {"API_KEY": "value"})
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(LIST)
    page.get_by_role("link", name="Search or jump to").click()
    page.get_by_label("Search apps").fill("api")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Edit API_KEY for All branches")).to_be_visible()
    page.get_by_role("link", name="API_KEY Secret: All branches").click()
    expect(page.get_by_role("heading", name="API_KEY")).to_be_visible()
