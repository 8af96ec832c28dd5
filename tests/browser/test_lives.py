"""A secret that somebody outside removes and adds anew, under a page that somebody types in."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync import reconcile_now
from tests.browser.steps import (
    MANAGE,
    SHARED,
    expect_saved,
    give,
    row,
    save_all,
    stored,
    value_of,
    wait_for_check,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MEANWHILE = "This secret was changed after you opened this page."


def replace(world: World, key: str, *values: str) -> None:
    """Remove a secret outside, write these values anew, and let a check find it."""
    store, path = parameter_store(), f"{SHARED}/{key}"
    store.remove([path])
    for value in values:
        store.put(path, SecretValue(value), overwrite=True)
    reconcile_now(world.app)


def search(page: Page, text: str) -> None:
    """Search, and wait until the list has come again."""
    with page.expect_response(lambda answer: "q=" in answer.url):
        page.get_by_label("Search variables").fill(text)


def test_it_works(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    give(world, {"ONE": "first", "TWO": "first"})
    reconcile_now(world.app)
    alice.goto(MANAGE)
    wait_for_check(alice)
    value_of(row(alice, "ONE")).fill("mine")
    replace(world, "ONE", "theirs")
    search(alice, "ONE")
    expect(alice.get_by_text(MEANWHILE)).to_be_visible()
    save_all(alice)
    told = row(alice, "ONE").get_by_text(re.compile("outside Branchkeep added this secret"))
    expect(told).to_be_visible()
    assert stored(f"{SHARED}/ONE") == "theirs"
    alice.get_by_role("button", name="Overwrite").click()
    expect_saved(alice, 1)
    assert stored(f"{SHARED}/ONE") == "mine"


def test_the_first_check_since_a_write_is_no_change(alice: Page, world: World) -> None:
    give(world, {"ONE": "first", "TWO": "first"})
    alice.goto(MANAGE)  # before any check
    wait_for_check(alice)
    value_of(row(alice, "ONE")).fill("mine")
    # The list comes again, as the check left it; a changed row is only above it
    for text, found in (("TWO", 1), ("ONE", 0)):
        search(alice, text)
        expect(alice.locator("#rows .edit-row")).to_have_count(found)
        expect(row(alice, "ONE")).to_be_visible()
    expect(alice.get_by_text(MEANWHILE)).to_have_count(0)
    save_all(alice)
    expect_saved(alice, 1)
    assert stored(f"{SHARED}/ONE") == "mine"


def test_saved_once_more_from_the_same_page(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    give(world, {"ONE": "first", "TWO": "first"})
    alice.goto(MANAGE)
    wait_for_check(alice)
    for key in ("ONE", "TWO"):
        value_of(row(alice, key)).fill("mine")
    replace(world, "TWO", "theirs")
    save_all(alice)
    expect(alice.get_by_text("Saved 1 of 2 changes.")).to_be_visible()
    alice.get_by_role("button", name="Keep their value").click()
    value_of(row(alice, "ONE")).fill("mine again")
    reconcile_now(world.app)
    replace(world, "ONE", "theirs", "theirs again")  # which is version 2, as mine was
    save_all(alice)
    expect(alice.get_by_text(re.compile("outside Branchkeep changed this secret"))).to_be_visible()
    assert stored(f"{SHARED}/ONE") == "theirs again"
