"""Upload a zip of a project in Chromium, and see what its branches lack."""

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect

from console.pages.compare.code import MAX_BYTES
from tests.browser.accessibility import accessibility_problems
from tests.console.lib.scanning.zips import zip_of
from tests.factories import set_variable
from tests.factories.compare import COMPARE
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def choose(page: Page, data: bytes) -> None:
    """Choose a zip with this content."""
    zipped: FilePayload = {"name": "shop.zip", "mimeType": "application/zip", "buffer": data}
    page.get_by_label("Zip of the project").set_input_files(zipped)


def test_it_works(world: World, alice: Page) -> None:
    """Search for the page, choose a zip, read the result, and add what is missing."""
    set_variable(world, "HELD", "x", world.dev)
    alice.goto("/apps/d1shop/")
    alice.keyboard.press("Control+k")
    alice.keyboard.type("check code")
    alice.get_by_role("option", name="Check code").click()
    button = alice.get_by_role("button", name="Check", exact=True)
    expect(button).to_be_enabled()
    choose(alice, bytes(MAX_BYTES + 1))
    button.click()  # is stopped by the browser
    expect(alice.locator('[name="zip"]:invalid')).to_be_focused()
    choose(alice, zip_of({"shop/src/a.ts": "f(process.env.HELD, process.env.API_URL)"}))
    button.click()
    branch = alice.get_by_role("region", name="dev")
    expect(branch.get_by_role("row", name="API_URL")).to_contain_text("src/a.ts:1")
    expect(branch.get_by_role("row", name="HELD")).to_be_hidden()
    branch.get_by_text("1 own").click()
    expect(branch.get_by_role("row", name="HELD")).to_contain_text("Own")
    assert accessibility_problems(alice) == []
    branch.get_by_role("link", name="Add variable API_URL").click()
    expect(alice.locator("#add-key")).to_have_value("API_URL")


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(user=world.person("vera"), javascript=False)
    page.goto(f"{COMPARE}code/")
    choose(page, zip_of({"shop/src/a.ts": "f(process.env.API_URL)"}))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("1 required key has no value")
