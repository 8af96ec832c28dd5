"""A type is given to a key with the keyboard, and a value that it doesn't allow is refused."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import (
    LIST,
    SHARED,
    expect_saved,
    set_secrets,
    stored_value,
    wait_for_reconcile,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PORT = "This key takes a whole number from 1 to 65535."


def test_it_works(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    set_secrets(world, {"PORT": "CANARY"})
    alice.goto(LIST)
    wait_for_reconcile(alice)
    alice.get_by_role("link", name="PORT", exact=True).click()
    alice.get_by_role("link", name="Add a type").press("Enter")
    expect(alice.get_by_label("Type")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.get_by_label("Type").press("W")
    alice.get_by_label("Rule").fill("10..1")
    alice.get_by_role("button", name="Save").press("Enter")
    expect(alice.locator("main")).to_contain_text("This range is empty.")
    alice.get_by_label("Rule").fill("1..65535")
    alice.get_by_role("button", name="Save").press("Enter")
    expect(alice.locator("main")).to_contain_text(PORT)

    alice.goto(LIST)
    wait_for_reconcile(alice)
    expect(alice.locator("tbody tr").first).to_contain_text("Whole number")
    alice.get_by_role("link", name="Edit PORT on All branches").click()
    form = alice.get_by_role("form", name="Edit PORT on All branches")
    value = form.get_by_label("Value", exact=True)
    value.fill("65536")
    value.press("Enter")
    expect(form).to_contain_text(PORT)
    expect(value).to_have_value("65536")
    value.fill("443")
    value.press("Enter")
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/PORT") == "443"
