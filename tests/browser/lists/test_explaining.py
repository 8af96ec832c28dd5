"""From a row's menu, and from a cell of Compare, to the page "Why this value?"."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import LIST, set_secrets, wait_for_reconcile
from tests.factories.compare import COMPARE
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
INHERITS = "dev inherits the value for All branches, version 1."


def test_it_works(alice: Page, world: World) -> None:
    set_secrets(world, {"API_KEY": "value"})
    alice.goto(f"{LIST}?branch={world.dev.pk}")
    wait_for_reconcile(alice)
    alice.get_by_label("More actions for API_KEY on All branches").click()
    alice.get_by_role("link", name="Why this value?").click()
    expect(alice.get_by_text(INHERITS)).to_be_visible()
    alice.get_by_label("Branch").select_option(label="All branches")
    expect(alice.get_by_text("All branches has a value, version 1.")).to_be_visible()


@pytest.mark.exhaustive
def test_from_compare(alice: Page, world: World) -> None:
    set_secrets(world, {"API_KEY": "value"})
    set_secrets(world, {"ALONE": "value"}, world.main)
    alice.goto(COMPARE)
    expect(alice.get_by_role("grid")).to_be_visible()
    dev = alice.locator("tr", has_text="API_KEY").locator("td").nth(2)
    dev.locator("a").press("Space")
    why = alice.get_by_role("link", name="Why this value?")
    expect(why).to_be_visible()
    why.click()
    expect(alice.get_by_text(INHERITS)).to_be_visible()
    alice.goto(COMPARE)
    expect(alice.get_by_role("grid")).to_be_visible()
    alice.locator("tr", has_text="ALONE").locator("td").nth(2).locator("a").press("w")
    expect(alice.get_by_text("dev has no value.")).to_be_visible()
