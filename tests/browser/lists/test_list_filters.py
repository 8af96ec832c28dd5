"""Chips filter a list in place, and what a branch lacks is added from its row."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import LIST, set_secrets, stored_value, wait_for_reconcile
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_works(alice: Page, world: World) -> None:
    set_secrets(world, {"SHARED": "s", "ALSO": "s"})
    set_secrets(world, {"SHARED": "s", "ONLY_MAIN": "s"}, world.main)
    alice.goto(LIST)
    wait_for_reconcile(alice)
    alice.get_by_label("Variable", exact=True).fill("TYPED")
    chip = alice.get_by_role("link", name="Overrides 1")
    chip.click()
    expect(alice.locator("#listing tbody tr")).to_have_count(1)
    expect(alice).to_have_url(f"{LIST}?only=overrides")
    expect(chip).to_have_attribute("aria-current", "true")
    expect(chip).to_be_focused()
    expect(alice.get_by_label("Variable", exact=True)).to_have_value("TYPED")
    alice.get_by_label("Search variables").fill("nothing")
    expect(alice.get_by_text("No records to display")).to_be_visible()
    alice.get_by_label("Search variables").fill("")
    expect(alice.locator("#listing tbody tr")).to_have_count(1)  # still filtered
    chip.click()
    expect(alice.locator("#listing tbody tr")).to_have_count(4)


def test_adding_what_is_missing(alice: Page, world: World) -> None:
    set_secrets(world, {"SHARED": "s"})
    set_secrets(world, {"ONLY_MAIN": "s"}, world.main)
    alice.goto(f"{LIST}?branch={world.dev.pk}")
    wait_for_reconcile(alice)
    line = alice.locator("#listing tr.ghost")
    expect(line).to_contain_text("Only main has it")
    assert accessibility_problems(alice) == []
    line.get_by_role("link", name="Add ONLY_MAIN on dev").click()
    expect(alice.locator("#add-value")).to_be_focused()
    alice.keyboard.type("for dev")
    alice.keyboard.press("Enter")
    expect(alice.locator("#listing tr.ghost")).to_have_count(0)
    expect(alice.locator("#listing tbody tr", has_text="ONLY_MAIN")).to_contain_text("dev")
    path = alice.get_by_label("More actions for ONLY_MAIN on dev").get_attribute("data-path")
    assert stored_value(str(path)) == "for dev"


@pytest.mark.exhaustive
def test_narrow_and_dark(open_page: Callable[..., Page], world: World) -> None:
    set_secrets(world, {"SHARED": "s"})
    set_secrets(world, {"SHARED": "s", "ONLY_MAIN": "s"}, world.main)
    page = open_page(user=world.person("alice"), width=320, dark=True)
    page.goto(f"{LIST}?branch={world.dev.pk}")
    wait_for_reconcile(page)
    expect(page.locator("#listing tr.ghost")).to_be_visible()
    assert accessibility_problems(page) == []
