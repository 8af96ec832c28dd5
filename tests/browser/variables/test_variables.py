"""Variables in the browser: overrides, removals, renames, conflicts, and 300 rows at once."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console.models import Branch
from tests.browser.steps import follow, save_all, save_with_notes
from tests.factories import (
    change_variable,
    new_variable,
    save_variables,
    set_variable,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/apps/d1shop/hosting/environment-variables/"
MANAGE = f"{LIST}manage/"


def row(page: Page, key: str, branch: str = "All branches") -> Locator:
    """Return an existing variable's row."""
    return page.get_by_role("group", name=f"{key}, {branch}", exact=True)


def value(row: Locator) -> Locator:
    """Return a row's field for the value."""
    return row.get_by_label("Value", exact=True)


def action(row: Locator, name: str) -> None:
    """Choose an item of a row's Actions menu."""
    row.get_by_text("Actions").click()
    row.get_by_role("button", name=name).click()


def expect_saved(page: Page, count: int) -> None:
    """Wait for the list with its toast."""
    words = "1 variable saved." if count == 1 else f"{count} variables saved."
    expect(page.get_by_text(words)).to_be_visible()
    page.wait_for_load_state()


def test_it_works(world: World, open_page: Any) -> None:
    page = open_page(user=world.person("alice"))
    page.goto(LIST)
    follow(page.get_by_role("link", name="Manage variables").first)
    new = page.locator("#new .edit-row")
    new.get_by_label("Variable").fill("API_URL")
    value(new).fill("https://a\n")
    save_with_notes(page)
    expect_saved(page, 1)
    page.goto(MANAGE)
    action(row(page, "API_URL"), "Add variable override")
    override = page.get_by_role("group", name="New override")
    assert override.get_by_label("Variable").input_value() == "API_URL"
    assert value(override).input_value() == "https://a\n"
    assert override.get_by_label("Branch").locator("option").all_inner_texts() == [
        *("Choose a branch", "dev", "main")
    ]
    value(override).fill("https://main")
    override.get_by_label("Branch").select_option(label="main")
    expect(page.get_by_text("1 unsaved change")).to_be_visible()
    save_all(page)
    expect_saved(page, 1)
    assert variable_values(world) == {
        ("", "API_URL"): "https://a\n",
        ("main", "API_URL"): "https://main",
    }


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("Keep the overrides", {("dev", "A"): "x"}),
        ("Remove them too", {}),
        ("Cancel", {("", "A"): "first", ("dev", "A"): "x"}),
    ],
)
def test_removing_a_base_asks_about_its_overrides(
    world: World, open_page: Any, choice: str, left: Any
) -> None:
    set_variable(world, "A")
    set_variable(world, "A", "x", world.dev)
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    action(row(page, "A"), "Remove variable")
    expect(page.get_by_role("dialog")).to_contain_text("This variable has overrides on: dev.")
    page.get_by_role("dialog").get_by_role("button", name=choice).click()
    save_all(page)
    if choice == "Cancel":
        expect(page.get_by_text("There are no changes to save.")).to_be_visible()
    else:
        expect(page.locator(".toast")).to_be_visible()
    assert variable_values(world) == left


def test_undoing_a_removal(world: World, open_page: Any) -> None:
    set_variable(world, "A")
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    action(row(page, "A"), "Remove variable")
    expect(page.get_by_text("Will be removed when you save.")).to_be_visible()
    action(row(page, "A"), "Undo")
    expect(page.locator("#count")).to_be_empty()
    expect(value(row(page, "A"))).to_be_enabled()


@pytest.mark.exhaustive
def test_a_rename_includes_the_overrides(world: World, open_page: Any) -> None:
    set_variable(world, "OLD")
    set_variable(world, "OLD", "x", world.dev)
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    action(row(page, "OLD"), "Add variable override")
    row(page, "OLD").get_by_label("Variable").fill("NEW")
    override = page.get_by_role("group", name="New override")
    expect(override.get_by_label("Variable")).to_have_value("NEW")
    value(row(page, "OLD", "dev")).fill("y")
    override.get_by_label("Branch").select_option(label="main")
    save_all(page)
    expect(page.locator(".toast")).to_be_visible()
    assert variable_values(world) == {
        ("", "NEW"): "first",
        ("dev", "NEW"): "y",
        ("main", "NEW"): "first",
    }


@pytest.mark.parametrize(
    ("button", "left"),
    [
        pytest.param("Keep their value", "theirs", marks=pytest.mark.exhaustive),
        ("Overwrite", "mine"),
    ],
)
def test_a_conflict(world: World, open_page: Any, complaints: Any, button: str, left: str) -> None:
    complaints.expect("422")
    existing = set_variable(world, "A")
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    value(row(page, "A")).fill("mine")
    change_variable(world, existing, "theirs", by="mia")
    save_all(page)
    expect(page.get_by_text(re.compile("mia@example.org changed this variable"))).to_be_visible()
    assert value(row(page, "A")).input_value() == "mine"
    page.get_by_role("button", name=button).click()
    if button == "Overwrite":
        expect_saved(page, 1)
    else:
        expect(value(row(page, "A"))).to_have_value("theirs")
        expect(page.locator("#count")).to_be_empty()
    assert variable_values(world) == {("", "A"): left}


def test_an_invalid_row_stays_and_the_rest_is_saved(
    world: World, open_page: Any, complaints: Any
) -> None:
    complaints.expect("422")
    set_variable(world, "_BUILD_TIMEOUT", "30")
    set_variable(world, "B")
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    expect(page.get_by_text("Minutes before Amplify stops a build")).to_be_visible()
    value(row(page, "_BUILD_TIMEOUT")).fill("500")
    value(row(page, "B")).fill("")
    save_all(page)
    expect(
        page.get_by_text("_BUILD_TIMEOUT must be a number of minutes from 5 to 120.")
    ).to_be_visible()
    expect(value(row(page, "_BUILD_TIMEOUT"))).to_have_value("500")
    expect(page.get_by_text("1 unsaved change")).to_be_visible()
    assert variable_values(world) == {("", "_BUILD_TIMEOUT"): "30", ("", "B"): ""}


@pytest.mark.exhaustive
def test_leaving_with_unsaved_work_asks_first(world: World, open_page: Any) -> None:
    set_variable(world, "A")
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    value(row(page, "A")).fill("typed")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Stay").click()
    page.get_by_label("Search variables").fill("nothing like it")
    expect(page.locator("#pinned .edit-row")).to_have_count(1)
    assert value(row(page, "A")).input_value() == "typed"
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url(f"**{LIST}?q=nothing*")
    assert variable_values(world) == {("", "A"): "first"}


@pytest.mark.exhaustive
def test_adding_an_override_with_the_keyboard(world: World, open_page: Any) -> None:
    set_variable(world, "A")
    page = open_page(user=world.person("alice"))
    page.goto(MANAGE)
    row(page, "A").locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # moves the focus to the branch
    page.keyboard.type("main")
    page.keyboard.press("Shift+Tab")  # Generate
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("by keyboard")
    page.get_by_role("button", name="Save", exact=True).focus()
    page.keyboard.press("Enter")
    expect_saved(page, 1)
    assert variable_values(world)["main", "A"] == "by keyboard"


@pytest.mark.exhaustive
def test_it_works_without_javascript(world: World, open_page: Any, complaints: Any) -> None:
    complaints.expect("422")
    set_variable(world, "A")
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(MANAGE)
    follow(page.get_by_role("link", name="Add variable override"))
    override = page.get_by_role("group", name="New override")
    value(override).fill("x")
    override.get_by_label("Branch").select_option(label="dev")
    value(row(page, "A")).fill("\nchanged")
    page.get_by_label("Keep line breaks at the ends of values").check()
    page.get_by_role("button", name="Save").click()
    expect_saved(page, 2)
    assert variable_values(world) == {("", "A"): "\nchanged", ("dev", "A"): "x"}
    page.goto(MANAGE)
    row(page, "A").get_by_label("Remove").check()
    follow(page.get_by_role("button", name="Save"))
    page.get_by_label("Overrides").select_option(label="Remove too")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No records to display")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.slow
def test_two_people_edit_300_variables_at_once(
    world: World, open_page: Any, complaints: Any
) -> None:
    """alice changes the first hundred rows; mia's changes overlap half of them."""
    complaints.expect("422")
    branches = [Branch.objects.create(app=world.app, name=f"b{n:02}") for n in range(20)]
    save_variables(world, *(new_variable(f"VAR_{n:03}", "base") for n in range(300)))
    save_variables(
        world, *(new_variable(f"VAR_{n:03}", "own", branches[n % 20]) for n in range(200))
    )
    alice, mia = (open_page(user=world.person(name)) for name in ("alice", "mia"))
    for page, number in ((alice, 1), (mia, 1)):
        page.goto(f"{MANAGE}?per_page=100&page={number}")
        rows = page.locator("#rows .edit-row")
        expect(rows).to_have_count(100)
    fill = """([name, from, to]) => {
        const areas = [...document.querySelectorAll("#rows textarea")].slice(from, to);
        for (const area of areas) {
            area.value = name;
            area.dispatchEvent(new Event("input", { bubbles: true }));
        }
    }"""
    alice.evaluate(fill, ["alice", 0, 60])
    mia.evaluate(fill, ["mia", 30, 100])
    save_all(alice)
    expect_saved(alice, 60)
    save_all(mia)
    expect(mia.get_by_text("Saved 40 of 70 changes.")).to_be_visible()
    expect(mia.locator(".note.conflict")).to_have_count(30)
    kept = [*variable_values(world).values()]
    assert (kept.count("alice"), kept.count("mia"), len(kept)) == (60, 40, 500)
    assert kept.count("base") + kept.count("own") == 400
    for _ in range(30):
        mia.get_by_role("button", name="Keep their value").first.click()
    expect(mia.locator("#count")).to_be_empty()
