"""Paste a file anywhere, look at what it would change without its values, and save it."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import LIST, SHARED, clicks, count_clicks, stored_value
from tests.factories import set_secret, set_variable, variable_values
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

IMPORT = f"{LIST}import/"
VARIABLES = "/apps/d1shop/hosting/environment-variables/"
PASTE = """([selector, text]) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.querySelector(selector).dispatchEvent(event);
}"""
DROP = """(text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], ".env"));
  for (const name of ["dragover", "drop"]) {
    const event = new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
  }
}"""
CHANGES = re.compile("/apps/d1shop/changes/")
TEXT = "API_KEY=hunter-2-hunter\nAPI_URL=https://plain.example.org\n"


def paste(page: Page, text: str, selector: str = "main") -> None:
    page.evaluate(PASTE, [selector, text])


def row(page: Page, key: str) -> Locator:
    """Return a row of the preview."""
    return page.locator(".import-row").filter(has=page.get_by_text(key, exact=True))


def save_button(page: Page, number: int) -> Locator:
    return page.get_by_role("button", name=f"Save {number} change", exact=False)


def test_twenty_keys_in_two_clicks(world: World, alice: Page) -> None:
    """Pasting counts as one, Save as the other."""
    count_clicks(alice)
    alice.goto(LIST)
    text = "".join(f"API_KEY_{number}=hunter{number}\n" for number in range(10))
    text += "".join(f"NAME_{number}=plain{number}\n" for number in range(10))
    paste(alice, text)
    expect(alice.get_by_role("heading", name="Import")).to_be_visible()
    expect(save_button(alice, 20)).to_be_focused()
    assert "hunter" not in alice.locator("main:visible").inner_html()
    assert clicks(alice) == 0
    save_button(alice, 20).click()
    expect(alice).to_have_url(CHANGES)
    assert world.app.secrets.count() == 10
    assert len(variable_values(world)) == 10
    expect(alice.get_by_text("API_KEY_9", exact=True).first).to_be_visible()


def test_the_kind_is_chosen_with_the_keyboard(world: World, alice: Page) -> None:
    alice.goto(IMPORT)
    alice.get_by_role("textbox", name="Text").fill(TEXT)
    alice.get_by_role("button", name="Preview").click()
    secret = row(alice, "API_URL").get_by_role("radio", name="Secret")
    expect(row(alice, "API_URL").get_by_role("radio", name="Variable")).to_be_checked()
    row(alice, "API_URL").get_by_role("radio", name="Variable").press("ArrowLeft")
    expect(secret).to_be_checked()
    expect(secret).to_be_focused()
    row(alice, "API_KEY").get_by_role("checkbox").uncheck()
    expect(alice.get_by_text("1 new. Left out: 1 not chosen.")).to_be_visible()
    expect(save_button(alice, 1)).to_be_enabled()
    save_button(alice, 1).press("Enter")
    expect(alice).to_have_url(CHANGES)
    assert stored_value(f"{SHARED}/API_URL") == "https://plain.example.org"
    assert variable_values(world) == {}


@pytest.mark.exhaustive
def test_several_scopes_and_what_cannot_be_seen(world: World, alice: Page) -> None:
    alice.goto(f"{VARIABLES}?branch={world.dev.pk}")
    paste(alice, 'API_KEY="hunter\\n"\n', "#add-key")
    expect(alice.get_by_label("Save to").first).to_have_value(str(world.dev.pk))
    expect(alice.get_by_text("The value ends with a line break.")).to_be_visible()
    alice.get_by_role("button", name="Remove it").click()
    expect(alice.get_by_text("The value ends with a line break.")).to_be_hidden()
    alice.get_by_text("Add another branch").click()
    alice.get_by_role("checkbox", name="All branches", exact=True).check()
    expect(save_button(alice, 2)).to_be_visible()
    save_button(alice, 2).click()
    expect(alice).to_have_url(CHANGES)
    assert stored_value(f"{SHARED}/API_KEY") == "hunter"


@pytest.mark.exhaustive
def test_keys_that_are_not_in_the_text(world: World, alice: Page) -> None:
    """None is removed unless it is chosen, not even with every key of the text."""
    for key in ("OLD_KEY", "OTHER_KEY"):
        set_secret(world, key, "CANARY")
    alice.goto(IMPORT)
    alice.get_by_role("textbox", name="Text").fill(TEXT)
    alice.get_by_role("button", name="Preview").click()
    expect(save_button(alice, 2)).to_be_enabled()
    alice.get_by_label("Keys not in the text").select_option("Remove")
    old = row(alice, "OLD_KEY").get_by_role("checkbox")
    expect(old).not_to_be_checked()
    alice.get_by_role("checkbox", name="Import every key").press("Space")
    expect(save_button(alice, 0)).to_be_disabled()
    alice.get_by_role("checkbox", name="Import every key").press("Space")
    expect(save_button(alice, 2)).to_be_enabled()
    expect(old).not_to_be_checked()
    old.press("Space")
    expect(alice.get_by_text("1 to remove, 2 new. Left out: 1 not in the text.")).to_be_visible()
    assert accessibility_problems(alice) == []
    save_button(alice, 3).press("Enter")
    expect(alice).to_have_url(CHANGES)
    expect(alice.get_by_text("OLD_KEY", exact=True).first).to_be_visible()
    assert {row.key for row in world.app.secrets.filter(version__gt=0)} == {"API_KEY", "OTHER_KEY"}


@pytest.mark.exhaustive
def test_a_placeholder_becomes_a_random_value(world: World, alice: Page) -> None:
    alice.goto(LIST)
    paste(alice, "SESSION_SECRET=changeme\nNAME=x\n")
    expect(save_button(alice, 1)).to_be_visible()
    alice.get_by_role("button", name="Generate", exact=True).click()
    expect(row(alice, "SESSION_SECRET")).to_contain_text("32 bytes")
    save_button(alice, 2).click()
    expect(alice).to_have_url(CHANGES)
    assert re.fullmatch("[A-Za-z0-9]{32}", stored_value(f"{SHARED}/SESSION_SECRET"))


def test_a_conflict_is_written_on_request(world: World, alice: Page, complaints: Any) -> None:
    complaints.expect("422")
    set_secret(world, "API_KEY", "one")
    alice.goto(LIST)
    paste(alice, TEXT)
    expect(row(alice, "API_KEY")).to_contain_text("Exists")
    set_secret(world, "API_KEY", "two", by="mia")
    save_button(alice, 2).click()
    expect(alice.get_by_text("Saved 1 of 2")).to_be_visible()
    expect(alice.get_by_text("mia@example.org changed this secret")).to_be_visible()
    assert stored_value(f"{SHARED}/API_KEY") == "two"
    alice.get_by_role("button", name="Write yours").click()
    save_button(alice, 1).click()
    expect(alice).to_have_url(CHANGES)
    assert stored_value(f"{SHARED}/API_KEY") == "hunter-2-hunter"


@pytest.mark.exhaustive
def test_compared_it_is_all_there(world: World, alice: Page) -> None:
    set_secret(world, "API_KEY", "hunter-2-hunter")
    set_variable(world, "API_URL", "https://plain.example.org")
    alice.goto(LIST)
    paste(alice, TEXT)
    expect(row(alice, "API_URL")).to_contain_text("Same")
    assert accessibility_problems(alice) == []
    alice.get_by_role("button", name="Compare").click()
    expect(alice.get_by_text("Everything is already saved")).to_be_visible()
    expect(alice.get_by_role("button", name="Save")).to_have_count(0)


@pytest.mark.exhaustive
def test_a_mistake_leads_to_its_line(alice: Page, complaints: Any) -> None:
    complaints.expect("422")
    alice.goto(LIST)
    alice.evaluate(DROP, "A=1\n\nB='open\n")
    expect(alice.get_by_text("Line 3: ")).to_be_visible()
    expect(alice.get_by_role("textbox", name="Text")).to_be_focused()
    assert alice.evaluate("getSelection().toString()") == "B='open"
    alice.get_by_role("textbox", name="Text").fill("# nothing")
    alice.get_by_role("button", name="Preview").click()
    expect(alice.get_by_text("The text has no keys.")).to_be_visible()
    file = {"name": ".env", "mimeType": "text/plain", "buffer": b"A=1"}
    alice.get_by_label("File").set_input_files(file)
    expect(save_button(alice, 1)).to_be_visible()
    alice.get_by_role("link", name="Cancel").last.click()
    expect(alice.get_by_role("heading", name="Secret management")).to_be_visible()
    expect(alice.locator("#add-key")).to_be_visible()


def test_stop(world: World, alice: Page, monkeypatch: pytest.MonkeyPatch, complaints: Any) -> None:
    complaints.expect("422")
    monkeypatch.setattr("console.pages.importing.views.FRAGMENT_PATIENCE", 0)
    alice.goto(LIST)
    paste(alice, "".join(f"API_KEY_{number}=hunter\n" for number in range(60)))
    save_button(alice, 60).click()
    alice.get_by_role("button", name="Stop").click()
    expect(
        alice.get_by_text("What was saved stays saved. The other rows are below.")
    ).to_be_visible()
    saved = world.app.secrets.count()
    assert 0 < saved < 60
    expect(alice.get_by_text(f"Saved {saved} of 60")).to_be_visible()


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Any) -> None:
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(IMPORT)
    page.get_by_role("textbox", name="Text").fill(TEXT)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_label("The same text again")).to_have_value("")
    expect(row(page, "API_KEY")).to_contain_text("15 bytes")
    page.get_by_label("The same text again").fill(TEXT)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Imported 1 secret and 1 variable.")).to_be_visible()


def test_a_text_is_gone_after_leaving_the_page(world: World, alice: Page) -> None:
    """The page may come from the back/forward cache, even after signing out."""
    alice.goto(IMPORT)
    alice.get_by_role("textbox", name="Text").fill(TEXT)
    alice.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert alice.get_by_role("textbox", name="Text").input_value() == ""


@pytest.mark.exhaustive
def test_a_file_of_amplify_gen_1(world: World, alice: Page) -> None:
    """Paste it, and choose another environment: its values are saved."""
    values = {"dev": {"apiUrl": "d"}, "prod": {"apiUrl": "p", "level": "x"}}
    text = json.dumps(
        {
            name: {"awscloudformation": {}, "categories": {"function": {"hello": found}}}
            for name, found in values.items()
        }
    )
    alice.goto(VARIABLES)
    paste(alice, text)
    expect(save_button(alice, 1)).to_be_focused()
    alice.get_by_label("Environment").focus()
    alice.get_by_label("Environment").select_option("prod")
    expect(row(alice, "LEVEL")).to_be_visible()
    expect(alice.get_by_label("Environment")).to_be_focused()
    expect(save_button(alice, 2)).to_be_enabled()
    assert accessibility_problems(alice) == []
    save_button(alice, 2).click()
    expect(alice).to_have_url(CHANGES)
    assert variable_values(world) == {("", "API_URL"): "p", ("", "LEVEL"): "x"}
