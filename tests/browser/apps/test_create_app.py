"""Creating an app: the fields follow the kind that is chosen, without JavaScript."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.fixtures.people import World


def test_it_works(world: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("422")
    page = open_page(user=world.person("olga"), javascript=False)
    page.goto("/apps/new/")
    identifier = page.get_by_role("textbox", name="Identifier")
    app_id = page.get_by_role("textbox", name="App ID")
    profile = page.get_by_role("group", name="Path profile")
    expect(app_id).to_be_visible()
    expect(profile).to_be_visible()
    expect(identifier).to_be_hidden()
    page.get_by_role("radio", name="Amplify app").press("ArrowDown")
    expect(identifier).to_be_visible()
    expect(app_id).to_be_hidden()
    expect(profile).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("Shop API")
    identifier.fill("my_app")
    page.get_by_role("button", name="Create app").click()
    expect(page.get_by_text("a letter, then only letters, digits and hyphens.")).to_be_visible()
    expect(identifier).to_have_attribute("aria-invalid", "true")
    expect(app_id).to_be_hidden()
    identifier.fill("my-app")
    page.get_by_role("button", name="Create app").click()
    expect(page.get_by_role("heading", name="Shop API")).to_be_visible()
    expect(page.get_by_text("Identifier: my-app")).to_be_visible()
