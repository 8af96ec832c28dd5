"""A secret is removed and created again outside Branchkeep while a page is open (guarantee 12)."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync.reconciling import reconcile_now
from tests.browser.steps import (
    MANAGE,
    SHARED,
    expect_saved,
    row,
    save_all,
    set_secrets,
    stored_value,
    value_of,
    wait_for_reconcile,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHANGED_SINCE = "This secret was changed after you opened this page."


def recreate_outside(world: World, key: str, *values: str) -> None:
    """Remove a parameter outside Branchkeep, write these values, and reconcile."""
    store, path = parameter_store(), f"{SHARED}/{key}"
    store.remove([path])
    for value in values:
        store.put(path, SecretValue(value), overwrite=True)
    reconcile_now(world.app)


def search(page: Page, text: str) -> None:
    """Search, and wait for the new list."""
    with page.expect_response(lambda answer: "q=" in answer.url):
        page.get_by_label("Search variables").fill(text)


def test_it_works(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    set_secrets(world, {"ONE": "first", "TWO": "first"})
    reconcile_now(world.app)
    alice.goto(MANAGE)
    wait_for_reconcile(alice)
    value_of(row(alice, "ONE")).fill("mine")
    recreate_outside(world, "ONE", "theirs")
    search(alice, "ONE")
    expect(alice.get_by_text(CHANGED_SINCE)).to_be_visible()
    save_all(alice)
    conflict = row(alice, "ONE").get_by_text(re.compile("outside Branchkeep added this secret"))
    expect(conflict).to_be_visible()
    assert stored_value(f"{SHARED}/ONE") == "theirs"
    alice.get_by_role("button", name="Overwrite").click()
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/ONE") == "mine"


@pytest.mark.exhaustive
def test_the_first_reconcile_after_a_write_shows_no_change(alice: Page, world: World) -> None:
    set_secrets(world, {"ONE": "first", "TWO": "first"})
    alice.goto(MANAGE)  # before any reconcile
    wait_for_reconcile(alice)
    value_of(row(alice, "ONE")).fill("mine")
    # The list is rendered again; a changed row is pinned above it
    for text, found in (("TWO", 1), ("ONE", 0)):
        search(alice, text)
        expect(alice.locator("#rows .edit-row")).to_have_count(found)
        expect(row(alice, "ONE")).to_be_visible()
    expect(alice.get_by_text(CHANGED_SINCE)).to_have_count(0)
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/ONE") == "mine"


@pytest.mark.exhaustive
def test_saving_again_from_the_same_page(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    set_secrets(world, {"ONE": "first", "TWO": "first"})
    alice.goto(MANAGE)
    wait_for_reconcile(alice)
    for key in ("ONE", "TWO"):
        value_of(row(alice, key)).fill("mine")
    recreate_outside(world, "TWO", "theirs")
    save_all(alice)
    expect(alice.get_by_text("Saved 1 of 2 changes.")).to_be_visible()
    alice.get_by_role("button", name="Keep their value").click()
    value_of(row(alice, "ONE")).fill("mine again")
    reconcile_now(world.app)
    recreate_outside(
        world, "ONE", "theirs", "theirs again"
    )  # also version 2, like the page's own save
    save_all(alice)
    expect(alice.get_by_text(re.compile("outside Branchkeep changed this secret"))).to_be_visible()
    assert stored_value(f"{SHARED}/ONE") == "theirs again"
