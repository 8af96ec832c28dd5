"""Shortcuts of a single key in the lists of secrets and variables."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import (
    LIST,
    SHARED,
    clicks,
    count_clicks,
    expect_saved,
    set_secrets,
    stored_value,
    tab_to,
    wait_for_reconcile,
)
from tests.factories import set_variable, variable_values
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
VARIABLES = "/apps/d1shop/hosting/environment-variables/"


def new_key(page: Page) -> Locator:
    """Return the key's field in the quick-add row."""
    return page.get_by_role("group", name="New").get_by_label("Variable", exact=True)


@pytest.mark.parametrize("url", [LIST, pytest.param(VARIABLES, marks=pytest.mark.exhaustive)])
def test_it_works(alice: Page, world: World, url: str) -> None:
    alice.goto(url)
    alice.keyboard.press("n")
    key = new_key(alice)
    expect(key).to_be_focused()
    expect(key).to_have_value("")
    alice.keyboard.type("n/e?")  # in a field, keys are text
    expect(key).to_have_value("n/e?")
    alice.keyboard.press("Escape")
    alice.locator("main").focus()
    alice.keyboard.press("/")
    expect(alice.get_by_label("Search variables")).to_be_focused()
    expect(alice.get_by_label("Search variables")).to_have_value("")
    alice.locator("main").focus()
    alice.keyboard.press("?")
    dialog = alice.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Add a")
    alice.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_editing_a_row(alice: Page, world: World) -> None:
    set_secrets(world, {"API_KEY": "first"})
    alice.goto(LIST)
    alice.keyboard.press("e")  # no row has the focus
    expect(alice.locator("form.in-place")).to_have_count(0)
    alice.get_by_role("link", name="API_KEY", exact=True).focus()
    alice.keyboard.press("e")
    expect(alice.locator("form.in-place textarea").first).to_be_focused()


@pytest.mark.parametrize("url", [LIST, pytest.param(VARIABLES, marks=pytest.mark.exhaustive)])
def test_adding_in_edit_mode(alice: Page, world: World, url: str) -> None:
    """Add new is at most ten presses of Tab away, though each row has several stops."""
    for number in range(15):
        set_variable(world, f"KEY_{number}", "value")
    set_secrets(world, {f"KEY_{number}": "value" for number in range(15)})
    alice.goto(f"{url}manage/")
    expect(alice.locator("#manage.ready")).to_be_visible()
    to_add = alice.get_by_role("link", name="Skip to new rows")
    assert tab_to(alice, to_add) <= 10
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("link", name="Add new", exact=True)).to_be_focused()
    alice.keyboard.press("Enter")
    key = alice.locator("#new").get_by_label("Variable", exact=True)
    expect(key).to_be_focused()
    alice.locator("main").focus()
    alice.keyboard.press("n")
    expect(key).to_have_count(2)
    expect(key.last).to_be_focused()


def test_pages_without_a_list(alice: Page, world: World) -> None:
    alice.goto("/accounts/sessions/")
    alice.keyboard.press("/")
    field = alice.get_by_role("combobox", name="Search or jump to")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    alice.keyboard.press("?")  # in the empty field
    dialog = alice.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Ctrl K")
    expect(dialog).not_to_contain_text("Add a")
    alice.keyboard.press("Escape")
    menu = alice.locator("header summary")
    menu.focus()
    alice.keyboard.press("Enter")
    alice.get_by_role("button", name="Keyboard shortcuts").press("Enter")
    expect(dialog).to_be_visible()
    alice.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(menu).to_be_focused()


@pytest.mark.exhaustive
def test_switched_off(alice: Page, world: World) -> None:
    person = world.person("alice")
    person.single_keys = False
    person.save()
    alice.goto(LIST)
    alice.keyboard.press("n")
    alice.keyboard.press("?")
    expect(new_key(alice)).not_to_be_focused()
    expect(alice.get_by_role("dialog")).to_have_count(0)
    alice.get_by_role("button", name="Keyboard shortcuts").click()
    expect(alice.get_by_role("dialog")).to_contain_text("switched off")
    alice.get_by_role("dialog").get_by_role("link", name="Preferences").click()
    alice.get_by_label("Shortcuts of a single key").check()
    alice.get_by_role("button", name="Save").click()
    expect(alice.get_by_text("Preferences saved.")).to_be_visible()
    alice.goto(LIST)
    alice.keyboard.press("n")
    expect(new_key(alice)).to_be_focused()


def test_closing_a_message_keeps_the_focus_on_the_page(alice: Page, world: World) -> None:
    alice.goto(LIST)
    new_key(alice).fill("API_KEY")
    alice.locator("#add-value").fill("value")
    alice.keyboard.press("Enter")
    close = alice.get_by_role("link", name="Close this message")
    close.focus()
    alice.keyboard.press("Enter")
    expect(close).to_have_count(0)
    expect(alice.locator("main")).to_be_focused()


def test_rotating_and_undoing_without_a_mouse(alice: Page, world: World) -> None:
    set_secrets(world, {"API_KEY": "old"})
    count_clicks(alice)
    alice.goto(LIST)
    wait_for_reconcile(alice)
    alice.get_by_role("link", name="API_KEY", exact=True).focus()
    alice.keyboard.press("e")
    expect(alice.locator("form.in-place textarea").first).to_be_focused()
    alice.keyboard.type("new")
    alice.keyboard.press("Enter")
    expect_saved(alice, 1)
    expect(alice.get_by_role("link", name="Edit API_KEY on All branches")).to_be_focused()
    alice.keyboard.press("u")
    expect(alice.get_by_role("button", name="Undo")).to_be_focused()
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("Undid the change of API_KEY.")).to_be_visible()
    assert stored_value(f"{SHARED}/API_KEY") == "old"
    assert clicks(alice) == 0


@pytest.mark.parametrize("url", [LIST, pytest.param(VARIABLES, marks=pytest.mark.exhaustive)])
def test_removing_and_undoing_without_a_mouse(alice: Page, world: World, url: str) -> None:
    for key in ("A_KEY", "B_KEY"):
        set_secrets(world, {key: "old"})
        set_variable(world, key, "old")
    count_clicks(alice)
    alice.goto(url)
    wait_for_reconcile(alice)
    alice.get_by_label("More actions for A_KEY on All branches").focus()
    alice.keyboard.press("Enter")
    remove = alice.locator(".row-menu[open]").get_by_role("button", name="Remove")
    tab_to(alice, remove)
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("A_KEY removed.")).to_be_visible()
    expect(alice.get_by_role("link", name="Edit B_KEY on All branches")).to_be_focused()
    alice.keyboard.press("u")
    expect(alice.get_by_role("button", name="Undo")).to_be_focused()
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("link", name="A_KEY", exact=True)).to_be_visible()
    assert clicks(alice) == 0


def test_removing_a_variable_that_has_overrides(alice: Page, world: World) -> None:
    set_variable(world, "A_KEY", "value")
    set_variable(world, "A_KEY", "value", world.dev)
    alice.goto(VARIABLES)
    alice.get_by_label("More actions for A_KEY on All branches").click()
    alice.locator(".row-menu[open]").get_by_role("button", name="Remove").click()
    asks = alice.get_by_role("dialog", name="Remove A_KEY?")
    expect(asks).to_contain_text("dev")
    asks.get_by_role("button", name="Keep the overrides").click()
    expect(alice.get_by_text("A_KEY removed.")).to_be_visible()
    assert variable_values(world) == {("dev", "A_KEY"): "value"}
