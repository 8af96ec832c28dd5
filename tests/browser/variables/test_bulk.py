"""Bulk edit, pasted files, copies and restored versions in the browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import follow, tab_to
from tests.factories import (
    change_variable,
    remove_variable,
    set_variable,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/apps/d1shop/hosting/environment-variables/"
BULK = f"{LIST}bulk/"
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.querySelector("main").dispatchEvent(event);
}"""


def preview(page: Page, text: str) -> None:
    """Fill in the text and preview its changes."""
    page.locator("#text").fill(text)
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview changes")


def change(page: Page, key: str) -> Any:
    """Return a line of the preview."""
    return page.locator(".changes tbody tr").filter(has=page.get_by_text(key, exact=True))


def test_it_works(world: World, alice: Page) -> None:
    set_variable(world, "OLD", "1")
    set_variable(world, "GONE", "1")
    set_variable(world, "DEV", "1", world.dev)
    alice.goto(LIST)
    alice.get_by_role("link", name="Bulk edit").click()
    expect(alice.locator("#text")).to_have_value("GONE=1\nOLD=1\n")
    preview(alice, "OLD=2\nNEW='a\nb '\n")
    expect(change(alice, "OLD")).to_contain_text("Changed")
    expect(change(alice, "GONE")).to_contain_text("Removed")
    expect(change(alice, "NEW")).to_contain_text("Ends with a space")
    assert variable_values(world)["", "OLD"] == "1"
    alice.get_by_role("button", name="Back to the text").click()
    expect(alice.locator("#text")).to_have_value("OLD=2\nNEW='a\nb '\n")
    alice.get_by_role("button", name="Preview changes").click()
    alice.get_by_role("button", name="Apply 3 changes").click()
    expect(alice.get_by_text("2 variables saved, GONE removed.")).to_be_visible()
    assert variable_values(world) == {("", "OLD"): "2", ("", "NEW"): "a\nb ", ("dev", "DEV"): "1"}


@pytest.mark.exhaustive
def test_another_branch_is_previewed_before_it_is_written(world: World, alice: Page) -> None:
    alice.goto(BULK)
    preview(alice, "A=1")
    alice.get_by_label("Branch").select_option(label="dev")
    alice.get_by_role("button", name="Apply 1 change").click()
    expect(alice.get_by_text("Nothing was saved.")).to_be_visible()
    assert variable_values(world) == {}
    alice.get_by_role("button", name="Apply 1 change").click()
    expect(alice.get_by_text("1 variable saved.")).to_be_visible()
    assert variable_values(world) == {("dev", "A"): "1"}


@pytest.mark.exhaustive
def test_a_conflict(world: World, alice: Page, complaints: Any) -> None:
    complaints.expect("422")
    row = set_variable(world, "A", "first")
    alice.goto(BULK)
    preview(alice, "A=mine\nB=mine\n")
    change_variable(world, row, "theirs", by="mia")
    alice.get_by_role("button", name="Apply 2 changes").click()
    expect(alice.get_by_text("Applied 1 of 2 changes.")).to_be_visible()
    expect(change(alice, "A")).to_contain_text("mia@example.org changed this variable")
    assert variable_values(world) == {("", "A"): "theirs", ("", "B"): "mine"}
    alice.get_by_role("button", name="Apply 1 change").click()
    expect(alice.get_by_text("1 variable saved.")).to_be_visible()
    assert variable_values(world)["", "A"] == "mine"


@pytest.mark.exhaustive
def test_an_error_links_to_its_line(alice: Page, complaints: Any) -> None:
    complaints.expect("422")
    alice.goto(BULK)
    alice.locator("#text").fill("A=1\n\nB='open\n")
    follow(alice.get_by_role("button", name="Preview changes"))
    expect(alice.locator("#text")).to_be_focused()
    alice.get_by_role("link", name="Line 3").click()
    expect(alice.locator("#text")).to_be_focused()
    selected = alice.evaluate(
        "() => getSelection().toString() || document.activeElement.value"
        ".slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
    )
    assert selected == "B='open"
    preview(alice, "A=1\n")


@pytest.mark.exhaustive
def test_copying_to_two_branches(world: World, alice: Page) -> None:
    set_variable(world, "A", "1")
    set_variable(world, "B", "2")
    alice.goto(LIST)
    alice.get_by_role("link", name="Copy between branches").click()
    alice.get_by_label("A", exact=True).check()
    alice.get_by_label("dev").check()
    alice.get_by_label("main").check()
    alice.get_by_role("button", name="Preview changes").click()
    alice.get_by_role("button", name="Apply 2 changes").click()
    expect(alice.get_by_text("2 variables saved.")).to_be_visible()
    assert {at for at, key in variable_values(world) if key == "A"} == {"", "dev", "main"}


@pytest.mark.exhaustive
def test_restoring_a_version_and_a_removed_variable(world: World, alice: Page) -> None:
    row = set_variable(world, "A", "one")
    change_variable(world, row, "two", by="mia")
    alice.goto(f"{LIST}{row.pk}/")
    alice.get_by_role("button", name="Restore version 1").click()
    expect(alice.get_by_text("Restored A.")).to_be_visible()
    remove_variable(world, variable_row(world, "A"), by="mia")
    alice.goto(LIST)
    alice.get_by_role("main").get_by_role("link", name="Recycle bin").click()
    alice.get_by_role("button", name="Restore A on All branches").click()
    expect(alice.get_by_text("Restored A for All branches.")).to_be_visible()
    assert variable_values(world) == {("", "A"): "one"}


def test_downloading_a_file(world: World, alice: Page) -> None:
    set_variable(world, "A", "two words")
    alice.goto(LIST)
    follow(alice.get_by_role("link", name="Download"))
    with alice.expect_download() as download:
        alice.get_by_role("link", name="Download .env.local").click()
    assert download.value.path().read_text() == "A='two words'\n"
    assert re.fullmatch(r"\.?env\.local", download.value.suggested_filename)


def test_moving_a_variable_to_the_secrets(world: World, alice: Page) -> None:
    row = set_variable(world, "STRIPE", "sk_live_abcdefghijklmnop")
    alice.goto(f"{LIST}{row.pk}/")
    alice.get_by_role("link", name="Move to secrets").click()
    alice.get_by_role("button", name="Move to secrets").click()
    expect(alice.get_by_role("heading", level=1)).to_have_text("Secret management")
    expect(alice.get_by_text("STRIPE is now a secret.")).to_be_visible()
    assert "sk_live" not in alice.content()


@pytest.mark.exhaustive
def test_with_the_keyboard(world: World, alice: Page) -> None:
    alice.goto(BULK)
    tab_to(alice, alice.locator("#text"))
    alice.keyboard.type("A=1\n")
    tab_to(alice, alice.get_by_role("button", name="Preview changes"))
    alice.keyboard.press("Enter")
    apply = alice.get_by_role("button", name="Apply 1 change")
    expect(apply).to_be_visible()
    tab_to(alice, apply)
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("1 variable saved.")).to_be_visible()
    assert variable_values(world) == {("", "A"): "1"}


@pytest.mark.exhaustive
def test_it_works_without_javascript(world: World, open_page: Any, complaints: Any) -> None:
    complaints.expect("422")
    set_variable(world, "A", "1")
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(BULK)
    page.get_by_label("Format").select_option(label="JSON")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#text")).to_have_value('{\n  "A": "1"\n}\n')
    preview(page, '{"A": "2", "AWS_X": "1"}')
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.get_by_text("Applied 1 of 2 changes.")).to_be_visible()
    follow(page.get_by_role("button", name="Back to the text"))
    preview(page, '{"A": "2", "MY_X": "\\n1"}')
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.get_by_text("1 variable saved.")).to_be_visible()
    assert variable_values(world) == {("", "A"): "2", ("", "MY_X"): "\n1"}


def test_choosing_another_branch_keeps_unsaved_text(alice: Page) -> None:
    dialogs = []
    alice.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.dismiss()))
    alice.goto(BULK)
    alice.locator("#text").click()
    alice.keyboard.type("A=1")
    alice.get_by_label("Branch").select_option(label="dev")
    alice.wait_for_function("() => document.querySelector('#text').value === 'A=1'")
    expect(alice.locator("#text")).to_have_value("A=1")
    assert dialogs == ["beforeunload"]
