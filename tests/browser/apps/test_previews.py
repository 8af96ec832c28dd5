"""PR previews in Chromium, by keyboard alone: a rule, the copies on a preview, and Undo."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import tab_to
from tests.factories import create_branch, set_secret, set_variable, stored_values
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_works(world: World, alice: Page) -> None:
    preview, keys = create_branch(world, "pr-12"), alice.keyboard
    for key in ("API_KEY", "TOKEN"):
        set_secret(world, key, "of dev", world.dev)
    set_variable(world, "API_URL", "https://dev.example.org", world.dev)
    alice.goto("/apps/d1shop/settings/previews/")
    tab_to(alice, alice.get_by_label("Branches", exact=True))
    keys.type("pr-*")
    tab_to(alice, alice.get_by_label("Take from"))
    keys.type("dev")
    keys.press("Tab")
    keys.press("Enter")
    expect(alice.get_by_text("Added the rule for pr-*.")).to_be_visible()
    tab_to(alice, alice.get_by_role("link", name="pr-12"))
    keys.press("Enter")
    expect(alice.get_by_role("heading", name="Copies on pr-12")).to_be_visible()
    assert accessibility_problems(alice) == []
    tab_to(alice, alice.get_by_role("checkbox", name="Copy TOKEN"))
    keys.press("Space")
    tab_to(alice, alice.get_by_role("button", name="Copy", exact=True))
    keys.press("Enter")
    expect(alice.get_by_text("Copied 2 values.")).to_be_visible()
    expect(alice.get_by_role("row", name="API_KEY")).to_contain_text("Copy of dev")
    expect(alice.get_by_role("row", name="TOKEN")).to_contain_text("Not copied")
    assert stored_values(world, "API_KEY", preview)[0] == "of dev"
    keys.press("u")
    keys.press("Enter")
    expect(alice.get_by_text("Undid 2 changes.")).to_be_visible()
    assert stored_values(world, "API_KEY", preview)[0] is None
